"""What fills the slots of the synthetic tickets: values that partly differ between the splits.

A held-out split draws every second value from lists that training never sees. Products and
cities are often everyday words (harbour, reading, split), so that a list does not find them.
"""

import random

PRODUCTS = {
    "train": (
        "Badger", "Drift", "Harbour", "Maple 2", "Kestrel Mini", "Tandem", "Lantern", "Clover",
        "North 40", "Hush", "Piccolo", "Signal Max", "Cedar", "Little Wren", "Match", "Kite S",
        "Puffin", "Lark", "Nutmeg 5", "Breeze", "Chalk Mini", "River", "Sparrow", "Tiny Drum",
        "Spruce X", "Mellow", "Sundial", "Ginger", "Lighthouse 12", "Pear", "Quiet Owl",
        "Paper Boat", "Garden Bell", "Pilot 3", "Willow Max",
    ),
    "validation": ("Bramble", "Cove", "Thistle Duo", "Switch 8"),
    "test": ("Beacon", "Quill", "Ripple 3", "Heron", "Meadow Pro", "Dusk", "Pocket Finch", "Sail"),
}  # fmt: skip

CITIES = {
    "train": (
        "Reading", "Nice", "Leeds", "Lyon", "Malmö", "New York", "São Paulo", "Cork", "Porto",
        "Zürich", "Austin", "Graz", "Ghent", "Osaka", "Mobile", "Bristol", "Kraków", "Turin",
        "Hull", "The Hague", "Adelaide", "Salt Lake City", "Oslo", "Dublin", "Bordeaux", "Ulm",
        "Seville", "Nantes", "Aarhus", "Chester", "Santiago", "Ljubljana", "Boulder", "Kyoto",
        "Wells", "Antwerp", "Quebec", "Riga", "Brighton", "Bologna",
        "Los Angeles", "Buenos Aires", "Port Louis", "Santa Cruz", "Den Bosch", "Las Palmas",
    ),
    "validation": ("Rugby", "Bergen", "Buffalo", "Trieste", "Las Vegas"),
    "test": (
        "Bath", "Split", "Essen", "Tampere", "Lincoln", "Brno", "Orange", "Cape Town", "Gdańsk",
        "Phoenix", "Deal", "Utrecht",
    ),
}  # fmt: skip

PERSONS = {
    "train": (
        "Imran", "Agnes Holm", "Priya", "Tomasz", "Lucía", "Ben Carver", "Yusuf", "Hannah",
        "Mei Lin", "Olu", "Greta", "Paul Novak", "Sofia", "Dmitri", "Rosa", "Mark", "Joy",
        "Frank Dale", "Ines", "Kwame", "Summer", "Ana Ferreira", "Ole", "Ruth", "Petra", "Samir",
        "Chloe Barnes", "Hugo", "Wen", "Lena Voss", "Malik", "Jun", "Iris", "Colin", "Fatima",
        "Theo", "Paris", "Kenneth Ito", "Bea", "Nikolai",
        "Ella Marsh", "Omar Haddad", "Vera Lindt", "Tim Oduya", "Nina Castellano", "Raj Patel",
        "Signe Lund", "Marco Bassi", "Aiko Mori", "Dora Quinn", "Felix Bauer", "Jane Whitlock",
    ),
    "validation": ("Will", "Zofia Lis", "Hamid", "Rose", "Pieter"),
    "test": (
        "Faith", "Victor", "Chidi", "Noor", "Grace Okafor", "Leon", "Marit", "Hope", "Jack Teale",
        "Amara", "Florence", "Sydney",
    ),
}  # fmt: skip

ORDER_FORMATS = {
    "train": (
        "#ddddd",
        "A-ddddd",
        "ABddddd",
        "2025-ddddd",
        "dd-dddd-dd",
        "ddddddd",
        "ddd dddd",
        "Wdd/ddd",
        "#ddd-ddd",
        "Kddd-dd-M",
        "PO/ddd/dd",
        "dd dd dd",
    ),
    "validation": ("N ddddd", "dddd/X"),
    "test": ("ddd ddd dd", "VX/dddd/Z", "Qd-ddd-K", "#dddd-d"),
}

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip

DATE_FORMATS = {
    "train": (
        "{day} {month}",
        "{month} {day}",
        "{day:02}/{number:02}/2025",
        "2025-{number:02}-{day:02}",
        "{day} {month} 2025",
        "{month} {day}, 2025",
        "{short} {day}",
    ),
    "validation": ("{day}/{number}",),
    "test": ("{day} {short}", "{day:02}.{number:02}.2025"),
}

MOOD_WORDS = {
    "bad": (
        "awful", "terrible", "dreadful", "lousy", "hopeless", "shabby", "poor", "appalling",
        "useless", "unhelpful", "sloppy", "rude", "slow", "dire", "atrocious", "miserable",
        "second-rate", "careless", "unfriendly", "cold", "arrogant", "chaotic", "pathetic",
        "abysmal", "shameful",
    ),
    "good": (
        "wonderful", "excellent", "superb", "brilliant", "marvellous", "kind", "fantastic",
        "splendid", "friendly", "lovely", "outstanding", "terrific", "first-rate", "helpful",
        "thoughtful", "cheerful", "great", "impressive", "generous", "patient", "exceptional",
        "attentive", "quick", "stellar", "charming",
    ),
    "angry": (
        "furious", "upset", "annoyed", "cross", "livid", "disappointed", "frustrated", "sour",
        "exasperated", "appalled", "disgusted", "irritated", "outraged", "bitter", "indignant",
        "angry", "incensed", "dismayed", "fed up", "unhappy",
    ),
    "glad": (
        "delighted", "thrilled", "happy", "pleased", "glad", "grateful", "impressed", "touched",
        "charmed", "content", "overjoyed", "relieved", "enchanted", "satisfied", "thankful",
        "elated", "tickled pink", "amazed", "over the moon", "cheered up",
    ),
}  # fmt: skip

UNSEEN_SHARE = {"train": 0.0, "validation": 0.5, "test": 0.5}
LOWERCASE_PRODUCT_SHARE = 0.2


def slot_value(slot: str, split: str, rng: random.Random) -> str:
    """A value for a slot (`product`, `order`, `city`, `person`, `date`, `code`, `bad`, …)."""
    if slot in MOOD_WORDS:
        return rng.choice(MOOD_WORDS[slot])
    source = split if rng.random() < UNSEEN_SHARE[split] else "train"
    if slot in ("order", "code"):
        return _number(rng.choice(ORDER_FORMATS[source]), rng)
    if slot == "date":
        return _date(rng.choice(DATE_FORMATS[source]), rng)
    if slot == "product":
        return _product(rng.choice(PRODUCTS[source]), rng)
    return rng.choice({"city": CITIES, "person": PERSONS}[slot][source])


def _number(form: str, rng: random.Random) -> str:
    return "".join(rng.choice("123456789") if char == "d" else char for char in form)


def _date(form: str, rng: random.Random) -> str:
    number = rng.randint(1, 12)
    month = MONTHS[number - 1]
    return form.format(day=rng.randint(1, 28), month=month, short=month[:3], number=number)


def _product(name: str, rng: random.Random) -> str:
    return name.lower() if rng.random() < LOWERCASE_PRODUCT_SHARE else name
