"""Small 837P texts for the tests, built as lists of segments in the usual delimiters."""

from streams.intake.items import Item, ReadClaim, Rejected, Warned
from streams.intake.x12 import read_x12

ISA = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260620*1200*^*00501*000000042*0*P*:"
GS = "GS*HC*SENDER*RECEIVER*20260620*1200*7*X*005010X222A1"
HEADER = ["BHT*0019*00*REF*20260620*1200*CH", "NM1*41*2*SUBMITTER*****46*S1", "NM1*40*2*RECEIVER*****46*R1"]
BILLING = [
    "HL*1**20*1",
    "PRV*BI*PXC*207L00000X",
    "NM1*85*2*PAIN GROUP*****XX*1234567893",
    "N3*2 CLINIC RD",
    "N4*TOWN*FL*331010001",
    "REF*EI*123456789",
]
SUBSCRIBER = [
    "HL*2*1*22*0",
    "SBR*P*18*GROUP1******MB",
    "NM1*IL*1*EXAMPLE*PAT****MI*1EG4TE5MK73",
    "N3*1 MAIN ST*APT 2",
    "N4*TOWN*FL*33101",
    "DMG*D8*19520304*F",
    "NM1*PR*2*MEDICARE FLORIDA*****PI*MCRFL",
]
PATIENT = ["HL*3*2*23*0", "PAT*19", "NM1*QC*1*EXAMPLE*SAM", "N4*TOWN*GA*30301", "DMG*D8*20100506*M"]
CLAIM = ["CLM*C-1*1850***24:B:1*Y*A*Y*Y", "HI*ABK:M54.16*ABF:M5136"]
LINE = ["LX*1", "SV1*HC:62323*1850*UN*1***1", "DTP*472*D8*20260615"]
OTHER_CLAIM = ["CLM*C-2*90.50***11:B:1*Y*A*Y*Y", "HI*ABK:M5416", "LX*1", "SV1*HC:99213:25*90.5*UN*1***1"]
OTHER_CLAIM += ["DTP*472*D8*20260616"]


def transaction(*parts: list[str], control: str = "0001", guide: str = "*005010X222A1", kind: str = "837") -> list[str]:
    body = [segment for part in parts for segment in part]
    return [f"ST*{kind}*{control}{guide}", *body, f"SE*{len(body) + 2}*{control}"]


def professional(*claims: list[str]) -> list[str]:
    return transaction(HEADER, BILLING, SUBSCRIBER, *claims)


def group(*transactions: list[str], control: str = "7", version: str = "005010X222A1") -> list[str]:
    body = [segment for segments in transactions for segment in segments]
    opening = f"GS*HC*SENDER*RECEIVER*20260620*1200*{control}*X*{version}"
    return [opening, *body, f"GE*{len(transactions)}*{control}"]


def interchange(*groups: list[str], isa: str = ISA) -> list[str]:
    body = [segment for segments in groups for segment in segments]
    return [isa, *body, f"IEA*{len(groups)}*{isa.split('*')[13]}"]


def record(segments: list[str], delimiters: str = "*:~", after: str = "\n") -> bytes:
    text = "".join(f"{segment}~{after}" for segment in segments)
    return text.translate(str.maketrans("*:~", delimiters)).encode()


def one(*claims: list[str]) -> bytes:
    return record(interchange(group(professional(*(claims or (CLAIM + LINE,))))))


def with_segment(segments: list[str], start: str, *put: str) -> list[str]:
    """`segments` with those that start with `start` replaced by `put`."""
    assert any(segment.startswith(start) for segment in segments), start
    changed: list[str] = []
    for segment in segments:
        changed += put if segment.startswith(start) else [segment]
    return changed


def items(data: bytes) -> list[Item]:
    return list(read_x12(data))


def claims(data: bytes) -> list[ReadClaim]:
    return [item for item in read_x12(data) if isinstance(item, ReadClaim)]


def rejected(data: bytes) -> list[Rejected]:
    return [item for item in read_x12(data) if isinstance(item, Rejected)]


def warned(data: bytes) -> list[Warned]:
    return [item for item in read_x12(data) if isinstance(item, Warned)]
