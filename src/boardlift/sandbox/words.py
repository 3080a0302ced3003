"""Words the made-up account is written with: names, titles, sentences in several scripts."""

from __future__ import annotations

from random import Random

FIRST_NAMES = (
    "Ann", "Björn", "Chidi", "Daria", "Élodie", "Fatima", "Gonçalo", "Haruka", "Ingrid",
    "João", "Kateřina", "Lě", "Mátyás", "Noor", "Olga", "Paweł", "Qiang", "Rahul",
    "Siobhán", "Tomás", "Ünal", "Võ", "Wren", "Xiomara", "Yael", "Zoë", "محمد", "עדי",
    "さくら", "Дмитрий", "李雷", "Νίκος", "สมชาย", "김민준", "अनिल",
)  # fmt: skip
LAST_NAMES = (
    "Adeyemi", "Brandão", "Çelik", "Dvořák", "Eriksson", "Fischer", "García", "Hakimi",
    "Ivanova", "Jørgensen", "Kowalska", "Løkken", "Müller", "Nakamura", "O'Brien",
    "Petrović", "Quispe", "Rossi", "Şahin", "Tanaka", "Usman", "van der Berg", "Weiß", "Xu",
    "Yılmaz", "Zawadzki", "الخطيب", "כהן", "山田", "Смирнов", "王", "Παπαδόπουλος",
)  # fmt: skip
ADJECTIVES = (
    "forged", "coated", "slotted", "hollow", "threaded", "moulded", "welded", "insulated",
    "galvanised", "flexible", "pressed", "machined", "sealed", "reinforced", "low-noise",
    "heat-treated", "stainless",
)  # fmt: skip
NOUNS = (
    "rotor housing", "bearing ring", "drive shaft", "seal kit", "gearbox cover", "coupling",
    "valve body", "pump head", "bracket", "flange", "impeller", "spindle", "cable tray",
    "heat shield", "manifold", "piston rod", "control panel", "sensor mount", "hose clamp",
)  # fmt: skip
CITIES = (
    ("Hamburg", "Germany", "DE", 53.5511, 9.9937), ("Łódź", "Poland", "PL", 51.7592, 19.456),
    ("São Paulo", "Brazil", "BR", -23.5505, -46.6333), ("Osaka", "Japan", "JP", 34.6937, 135.5023),
    ("Haifa", "Israel", "IL", 32.794, 34.9896), ("Pune", "India", "IN", 18.5204, 73.8567),
    ("Querétaro", "Mexico", "MX", 20.5888, -100.3899), ("Malmö", "Sweden", "SE", 55.605, 13.0038),
    ("Nairobi", "Kenya", "KE", -1.2921, 36.8219), ("Reykjavík", "Iceland", "IS", 64.1466, -21.9426),
    ("Suva", "Fiji", "FJ", -18.1416, 178.4419), ("Null Island", "Côte d'Ivoire", "CI", 0.0, 0.0),
)  # fmt: skip
COMPANIES = (
    "Nordwind Antriebe GmbH", "Aurora & Søn", "Tōkai Precision", "Delta; Drop Forge",
    "Müller \"Best\" AG", "שמש תעשיות", "Kestrel Foods", "Orbital\tTooling",
    "O'Malley Bros.", "بوابة الخليج", "Äther Labs", "100% Cotton Co.",
)  # fmt: skip
SENTENCES = (
    "Waiting for the supplier to confirm the delivery window.",
    "Dimensions checked against drawing rev. C; two holes are off by 0.2 mm.",
    "Kunde wünscht Lieferung vor dem 1. März, sonst Pönale.",
    "La pièce doit être contrôlée à 100 % avant l'expédition.",
    "בדיקה סופית לפני משלוח: יש לאשר מול הלקוח.",
    "يرجى تأكيد الكمية قبل نهاية الأسبوع",
    "出荷前に最終検査を行うこと。",
    "Отгрузка перенесена на следующую неделю.",
    "Line stopped 06:40-07:15; see shift log.",
    "He said \"ship it\" and nobody wrote it down.",
    "C:\\shared\\drawings\\rev_c.dwg",
    "Price agreed at 1,250.00 € per 100; VAT extra.",
)  # fmt: skip
ODD_TEXTS = (
    "\ufeffstarts with a byte order mark", "🚀🔥 emoji only? no", "👩‍👩‍👧‍👦",
    "first line\nsecond line\r\nthird\tline", "it's \"quoted\"", "a\u0000b",
    "Robert'); DROP TABLE items;--", "007", "1e5", "=SUM(A1:A9)", "null", "NULL",
    "  padded  ", "\u200fעברית\u200e mixed", "line\u2028separator", "naïve café e\u0301",
    "true", "2026-02-30", "[]", "{\"a\": 1}", "\\N", "%s {0} $1",
)  # fmt: skip
DEPARTMENTS = (
    "Assembly",
    "Machining",
    "Paint shop",
    "Quality",
    "Logistics",
    "R&D",
    "Finance",
    "People, Culture",
    "IT / OT",
)
HOSTILE_TITLES = (
    "'; DROP TABLE items; --", "Robert'); DELETE FROM users WHERE 1=1;--", "\" OR \"\"=\"",
    "`backtick`", "[bracket]]", "a\u0000b", "\u0000", "🚀", "👩‍👩‍👧‍👦👩‍👩‍👧‍👦", "🏳️‍🌈",
    " leading and trailing ", "tab\there", "new\nline", "\r\n", "\ufeffBOM", "\u200b",
    "x" * 255, "ä" * 300, "שלום עולם", "مرحبا بالعالم", "\u202eevil txt.exe", "select",
    "SELECT", "table", "order", "group", "user", "null", "NULL", "None", "true", "0", "-1",
    "1e309", "NaN", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "ﷺ", "e\u0301", "é", "ß", "ẞ", "İ", "ı", "Ω", "Ω",
    "../../etc/passwd", "C:\\con", "%00", "${jndi:x}", "{{7*7}}",
    "<script>alert(1)</script>", "&amp;", "a,b;c|d", "\"", "'", "\\", "--", "/* */",
)  # fmt: skip
SAME_TITLE = "The same title"


def person_name(rng: Random) -> str:
    """A first and a last name, each from any of the scripts."""
    return f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"


def product_name(rng: Random) -> str:
    """A thing that a factory makes."""
    return f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"


def short_text(rng: Random) -> str:
    """A few words; about one in eight is a string that programs stumble over."""
    if rng.random() < 0.12:
        return rng.choice(ODD_TEXTS)
    return rng.choice((product_name, person_name))(rng) if rng.random() < 0.7 else rng.choice(COMPANIES)


def long_text(rng: Random) -> str:
    """One to six sentences on one or more lines, with an odd string now and then."""
    parts = [rng.choice(SENTENCES) for _ in range(rng.randint(1, 6))]
    if rng.random() < 0.1:
        parts.append(rng.choice(ODD_TEXTS))
    return rng.choice((" ", "\n", "\n\n")).join(parts)
