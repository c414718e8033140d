"""The tools of ops/ are imported as ops/check-migrations runs them."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "ops/tools"))
