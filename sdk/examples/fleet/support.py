"""Customer support: looks orders up, and pays money back when a person agrees."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from fleet.desk import Ruling, Ticket
from fleet.llm import CLAUDE_HAIKU, GPT_4O_MINI, GPT_41
from fleet.session import Card, Session, ToolFailed, Turn

CARD = Card(
    name="support-agent",
    version="3.2.0",
    service="support-desk",
    instructions=(
        "You are the support agent of Northwind Instruments. Be brief and kind. Look the order up before you promise "
        "anything. Refunds need a person's approval; pay exactly what was approved. Never promise what was rejected."
    ),
)
REFUND_POLICY = (
    "Goods may be returned within 30 days of delivery, unused.",
    "Damaged on arrival: full refund within 90 days, no return needed below 500 EUR.",
    "VIP customers: goodwill credit up to 15 % of the order at the agent's discretion.",
)
REFUND_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "order_id": {"type": "string"},
        "amount": {"type": "number", "exclusiveMinimum": 0},
        "currency": {"type": "string", "enum": ["EUR", "USD"]},
        "reason": {"type": "string"},
    },
    "required": ["order_id", "amount", "currency", "reason"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Case:
    """A customer who wants money back. amount: between these, so that some cross the factors of the risk policy."""

    says: str
    item: str
    least: float
    most: float
    reason: str
    tier: str


CASES = (
    Case("My pipettes arrived with two of them cracked. I'd like my money back.", "Pipette set, 12 pieces", 180, 640,
         "damaged on arrival", "standard"),
    Case("We cancelled the annual plan last week, but the invoice for the new year was still charged.",
         "Annual plan, 25 seats", 1200, 6800, "charged after cancellation", "business"),
    Case("The centrifuge has failed a third time. We have been customers for nine years, please just take it back.",
         "Benchtop centrifuge", 7400, 9900, "repeated failure", "vip"),
    Case("Our whole microscope order came with the wrong optics. We need all of it refunded today.",
         "Confocal microscope, 2 units", 10400, 24800, "wrong configuration delivered", "vip"),
    Case("I was charged twice for the same delivery.", "Express delivery", 39, 120, "duplicate charge", "standard"),
)  # fmt: skip
QUESTIONS = (
    ("Where is my order? It was due on Monday.", "in transit", "It left our warehouse and arrives within two days."),
    ("Can I change the delivery address?", "processing", "Yes, it has not been packed yet. I have changed it."),
    ("Is the calibration certificate included?", "delivered", "Yes, it is in the document pouch on the lid."),
    ("How do I renew the maintenance contract?", "delivered", "I have sent you the renewal form by mail."),
)


async def refund(session: Session) -> None:
    """A refund that a person decides on: paid as approved or edited, replaced by another plan when rejected."""
    rng = session.rng
    case = rng.choice(CASES)
    order_id = f"NW-{rng.randint(10_000, 99_999)}"
    amount = round(rng.uniform(case.least, case.most), 2)
    order = {"order_id": order_id, "item": case.item, "total": amount, "currency": "EUR", "days_since_delivery":
             rng.randint(2, 60)}  # fmt: skip
    tags = ["refund", case.tier]
    async with session.turn(f"{case.says} Order {order_id}.", tags) as turn:
        await turn.retrieve("refund-policy", case.says, REFUND_POLICY)
        await turn.use(GPT_4O_MINI, "lookup_order", {"order_id": order_id}, order, seconds=0.3)
        ticket = await _ask(turn, case, order)
    ruling = await ticket.ruling()
    async with session.turn(tags=tags) as turn:
        if ruling.kind == "approved":
            await _pay(turn, ticket, ruling, amount)
        else:
            await _explain(turn, ruling, order_id)


async def _ask(turn: Turn, case: Case, order: dict[str, Any]) -> Ticket:
    rng = turn.session.rng
    confidence = round(rng.uniform(0.45, 0.97), 2)
    return await turn.ask(
        GPT_41,
        "process_refund",
        {"order_id": order["order_id"], "amount": order["total"], "currency": "EUR", "reason": case.reason},
        summary=f"Refund {order['total']:,.2f} EUR for {case.item}",
        description=_description(case, order),
        context={
            "customer": {"id": turn.session.user, "tier": case.tier, "years": rng.randint(0, 11)},
            "order": order,
            "conversation": [{"role": "user", "content": case.says}],
            "policy": list(REFUND_POLICY),
        },
        arguments_schema=REFUND_SCHEMA,
        allowed_decisions=["approve", "edit", "reject", "respond"],
        confidence=confidence,
        suggestion="approve" if confidence >= 0.6 else "edit",
        priority="high" if case.tier == "vip" else "normal",
        tags=["refund", case.tier],
        timeout_seconds=rng.randint(300, 900),
    )


async def _explain(turn: Turn, ruling: Ruling, order_id: str) -> None:
    """What the customer hears when nothing is paid: another offer, the reviewer's words, or an apology."""
    if ruling.kind == "rejected":
        turn.note({"rejected": ruling.text})
        credit = {"customer_id": turn.session.user, "percent": 10}
        await turn.use(GPT_41, "offer_store_credit", credit, {"offered": True})
        await turn.reply(GPT_41, "I cannot refund this order, but I have put 10 % of it on your account as credit.")
    elif ruling.kind == "answered":
        turn.note({"reviewer": ruling.text})
        await turn.reply(GPT_41, ruling.text)
    else:
        turn.note({"expired": True})
        sorry = "I am sorry: my colleagues have not come to your refund yet. I have opened a case; they will write."
        number = f"C-{turn.session.rng.randint(1000, 9999)}"
        await turn.use(GPT_4O_MINI, "open_case", {"order_id": order_id}, {"case": number})
        await turn.reply(GPT_4O_MINI, sorry)


async def _pay(turn: Turn, ticket: Ticket, ruling: Ruling, asked: float) -> None:
    """Pay what was approved, which may not be what was asked."""
    paid, desk = ruling.arguments, turn.session.desk
    amount = float(paid["amount"])
    fault = "PaymentGatewayError: 502 from acquirer" if turn.session.rng.random() < 0.06 else ""
    try:
        await turn.perform("process_refund", paid, {"refunded": amount, "currency": paid["currency"]}, fault=fault)
    except ToolFailed as failure:
        await desk.outcome(ticket, "failed", {"error": str(failure)})
        raise
    await desk.outcome(ticket, "succeeded", {"refunded": amount})
    words = f"I have refunded {amount:,.2f} {paid['currency']}."
    if amount < asked:
        words += f" This is less than the {asked:,.2f} that you paid: the rest is not covered by our policy."
    await turn.reply(GPT_41, words)


async def question(session: Session) -> None:
    """An ordinary question, answered without anybody's approval."""
    says, status, answer = session.rng.choice(QUESTIONS)
    order_id = f"NW-{session.rng.randint(10_000, 99_999)}"
    async with session.turn(f"{says} Order {order_id}.", ["question"]) as turn:
        await turn.use(GPT_4O_MINI, "lookup_order", {"order_id": order_id}, {"order_id": order_id, "status": status})
        await turn.reply(session.rng.choice([GPT_4O_MINI, CLAUDE_HAIKU]), answer)


def user(rng: random.Random) -> str:
    """One of a few dozen customers, so that some come back."""
    return f"customer-{rng.randint(100, 140)}"


def _description(case: Case, order: dict[str, Any]) -> str:
    return (
        f"**{case.tier.upper()} customer**, order `{order['order_id']}`: {case.item}, delivered "
        f"{order['days_since_delivery']} days ago.\n\n> {case.says}\n\nReason given: {case.reason}."
    )
