"""A proxy on PostgreSQL's Unix socket: the network between a ledger and its database.

`python Tests/Chaos proxy DIRECTORY TARGET` listens where libpq looks in DIRECTORY, and obeys the
lines on its standard input:

    pass            hands everything on (also: ends what was before)
    latency 0.05    seconds for each piece, in both directions
    stall           hands nothing on; connections stay open
    cut             closes all connections, refuses new ones
    lose 3          of the next 3 commits of appends, the answer never arrives: closed instead
"""
import asyncio
import os
import struct
import sys

PIECE_BYTES = 1 << 16
#: Only the connections that append say this.
APPENDS = b"positions.log_head"
#: CommandComplete of COMMIT.
COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"


class Answers:
    """Finds COMMIT among the messages of the server, wherever the pieces begin and end."""

    def __init__(self):
        self.bytes = b""

    def has_commit(self, piece):
        """Whether a transaction is known to be committed with this piece."""
        self.bytes += piece
        found = False
        while len(self.bytes) >= 5:
            length = 1 + struct.unpack_from(">I", self.bytes, 1)[0]
            if len(self.bytes) < length:
                break
            found = found or self.bytes[:length] == COMMITTED
            self.bytes = self.bytes[length:]
        return found


class Proxy:
    """See above."""

    def __init__(self, target):
        self.target = target
        self.latency, self.losses, self.is_cut = 0.0, 0, False
        self.flows = asyncio.Event()
        self.flows.set()
        self.writers = set()

    def obey(self, line):
        """One command."""
        word, *rest = line.split()
        if word == "pass":
            self.latency, self.losses, self.is_cut = 0.0, 0, False
            self.flows.set()
        elif word == "latency":
            self.latency = float(rest[0])
        elif word == "stall":
            self.flows.clear()
        elif word == "lose":
            self.losses = int(rest[0])
        elif word == "cut":
            self.is_cut = True
            for writer in list(self.writers):
                writer.transport.abort()

    async def serve(self, reader, writer):
        """One connection of a ledger."""
        if self.is_cut:
            writer.close()
            return
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(self.target)
        except OSError:
            writer.close()
            return
        ends = {writer, server_writer}
        self.writers |= ends
        state = dict(appends=False)
        await asyncio.gather(
            self.hand_on(reader, server_writer, ends, state, None),
            self.hand_on(server_reader, writer, ends, state, Answers()))
        self.writers -= ends

    async def hand_on(self, reader, writer, ends, state, answers):
        """One direction, until either side ends; then both do."""
        try:
            while piece := await reader.read(PIECE_BYTES):
                if answers is None:
                    state["appends"] = state["appends"] or APPENDS in piece
                elif answers.has_commit(piece) and self.losses and state["appends"]:
                    self.losses -= 1
                    break
                if self.latency:
                    await asyncio.sleep(self.latency)
                await self.flows.wait()
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass
        for end in ends:
            end.close()


async def run(directory, target):
    """Until standard input ends."""
    proxy = Proxy(target)
    path = os.path.join(directory, ".s.PGSQL.5432")
    server = await asyncio.start_unix_server(proxy.serve, path)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print("ready", flush=True)
    while line := await reader.readline():
        proxy.obey(line.decode())
    server.close()
