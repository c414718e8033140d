"""Events as accounting.md §2 has them, and a book of a known outcome."""
import datetime
import json
import uuid

NAMESPACE = uuid.UUID("1caeaf2a-b721-50f8-915c-39b23b326d71")
DAY_ONE = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.timezone.utc)
MINUTE = datetime.timedelta(minutes=1)
DAY = datetime.timedelta(days=1)


def micros(moment):
    """Microseconds since 1970, exactly."""
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (moment - epoch) // datetime.timedelta(microseconds=1)


def derived_id(*parts):
    """The id of a venue's fact: UUIDv5 of the canonical JSON array (all our strings are ASCII)."""
    return str(uuid.uuid5(NAMESPACE, json.dumps(parts, separators=(",", ":"))))


class Position:
    """Makes the events of one two-leg position: `long` on venue v1, `short` on venue v2."""

    def __init__(self, pb, position_id=None):
        self.pb = pb
        self.id = position_id or str(uuid.uuid4())

    def instrument(self, leg):
        """Of its own, so that trade ids of two positions never meet."""
        return f"{self.id}-{leg}"

    def event(self, kind, at, payload, **more):
        """Any event."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        fields = dict(position_id=self.id, type=kind, effective_at_us=micros(at),
                      source="venue_ws", payload=body)
        return self.pb.NewEvent(**(fields | more))

    def leg(self, name, side, venue, **more):
        """The terms of a leg: linear, BTC against USDT."""
        return dict(leg=name, venue=venue, account="acc", instrument=self.instrument(name),
                    kind="linear", side=side, target_qty="2", multiplier="1", base="BTC",
                    quote="USDT", settle="USDT", qty_scale=8, price_scale=8, settle_scale=8) | more

    def opened(self, at=DAY_ONE, **more):
        """position_opened."""
        legs = [self.leg("long", "long", "v1"), self.leg("short", "short", "v2")]
        payload = dict(strategy="carry", asset="BTC", legs=legs)
        return self.event("position_opened", at, payload, event_id=str(uuid.uuid4()), **more)

    def fill(self, trade_id, side, qty, px, at=DAY_ONE + MINUTE, leg="long", payload=None, **more):
        """leg_fill_recorded with a fee of 0.1 USDT; `payload` replaces members."""
        body = dict(leg=leg, trade_id=trade_id, side=side, qty=qty, px=px, fee="0.1",
                    fee_asset="USDT", liquidity="taker") | (payload or {})
        return self.event("leg_fill_recorded", at, body, **more)

    def fill_id(self, trade_id, side, leg="long"):
        """The id that the ledger must derive."""
        venue = {"long": "v1", "short": "v2"}[leg]
        return derived_id("fill", venue, "acc", self.instrument(leg), trade_id, side, 0)

    def funding(self, at, amount, leg="long"):
        """funding_recorded of the hour of `at`."""
        hour = at.replace(minute=0, second=0, microsecond=0)
        payload = dict(leg=leg, funding_time=hour.strftime("%Y-%m-%dT%H:%M:%SZ"), amount=amount,
                       asset="USDT")
        return self.event("funding_recorded", at, payload)

    def story(self):
        """Two buys on day one; on day two a sell of half and a payment of funding.

        Average entry 105, so the sell of 1 at 120 realises 15; fees 3 × 0.1; funding 0.5.
        """
        return [
            self.opened(),
            self.fill("1", "buy", "1", "100"),
            self.fill("2", "buy", "1", "110", at=DAY_ONE + 2 * MINUTE),
            self.fill("3", "sell", "1", "120", at=DAY_ONE + DAY),
            self.funding(DAY_ONE + DAY + MINUTE, "0.5"),
        ]
