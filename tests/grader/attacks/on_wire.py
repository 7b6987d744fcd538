"""Attacks on the pipe between the grader and a child: messages that the attacker writes."""

from __future__ import annotations

from hostile import HONEST, LOST, NOTHING, Attack

FORGE = """
import stat
def is_socket(number):
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False
(PIPE,) = [number for number in range(3, 64) if is_socket(number)][:1]
def frame(text, raw=b"", size=None, inner=None):
    text = text if isinstance(text, bytes) else text.encode()
    body = (len(text) if inner is None else inner).to_bytes(8, "little") + text + raw
    return (len(body) if size is None else size).to_bytes(8, "little") + body
def tell(*arguments, **more):
    data = frame(*arguments, **more)
    while data:
        data = data[os.write(PIPE, data):]
def reply(number, value, raw=b"", seconds="0.0", fault="null", used='{"list": []}'):
    keys = '["id", "value", "fault", "mutated", "global_random", "used", "seconds"]'
    items = f'[{number}, {value}, {fault}, {{"list": []}}, false, {used}, {seconds}]'
    tell('{"dict": [%s, %s]}' % (keys, items), raw)
def my_number():
    frame = sys._getframe()
    while frame is not None:
        request = frame.f_locals.get("request")
        if isinstance(request, dict) and "id" in request:
            return request["id"]
        frame = frame.f_back
    raise LookupError("the request is not where it was")
"""


def _forged(name: str, message: str, **more: object) -> Attack:
    """The answer writes something of its own to the pipe, and ends the process."""
    answer = f"def double(x):\n    {message}\n    time.sleep(0.2)\n    os._exit(0)"
    return Attack(name, FORGE, answer=answer, **{"points": LOST, **more})  # type: ignore[arg-type]


WIRE = (
    Attack(
        "replies before there is a call",
        FORGE + "for n in range(1, 9):\n    reply(n, 7.0)",
        points=LOST,
    ),
    Attack(
        "claim that the cells are done",
        FORGE
        + """
tell('{"dict": [["names", "errors"], [{"list": ["double"]}, {"list": []}]]}')
for n in range(1, 9):
    reply(n, 7.0)
""",
        points=NOTHING,
    ),
    Attack(
        "claim errors in others' cells",
        FORGE
        + """
keys = '["number", "error_type", "message", "line"]'
tell('{"dict": [["names", "errors"], [{"list": ["double"]}, {"list": [{"dict": [' + keys
     + ', [1e999, "x", "y", -5]]}]}]]}')
""",
        points=NOTHING,
    ),
    Attack(
        "claim to be somewhere else",
        FORGE
        + """
for at in ("[99, 0, 0]", "[-1, -1, -1]", "[5, 0, 99999999999999999999]"):
    tell('{"dict": [["at"], [{"list": %s}]]}' % at)
""",
    ),
    Attack(
        "positions that are none",
        FORGE
        + """
tell('{"dict": [["at"], [{"list": ["x", null, 1e400]}]]}')
""",
        points=LOST,
    ),
    Attack(
        "endless reports of progress",
        FORGE
        + """
while True:
    tell('{"dict": [["at"], [{"list": [1, 0, 0]}]]}')
""",
        points=HONEST,
        exactly=False,  # nothing, if it has used up all of the time
        seconds=1.0,
    ),
    Attack(
        "claim to be out of memory",
        FORGE
        + """
tell('{"dict": [["out of memory"], [true]]}')
time.sleep(9)
""",
        points=LOST,
        seconds=4.0,
    ),
    _forged("a reply to another call", "reply(my_number() + 7, 7.0)"),
    _forged("a reply to an earlier call", "reply(my_number() - 1, 7.0)"),
    Attack(
        "two replies to one call",
        FORGE,
        answer="def double(x):\n    reply(my_number(), 7.0)\n    return np.asarray(x)",
        points=LOST,
    ),
    _forged("a huge length", "os.write(PIPE, b'\\xff' * 64)"),
    _forged("a length of 8 EiB", "tell('1', size=2**63 - 1)"),
    _forged("no length", "os.write(PIPE, bytes(8))"),
    _forged("a structure longer than its message", "tell('1', inner=2**40)"),
    _forged("a structure larger than allowed", "tell('[' + '1,' * 10**7 + '1]')"),
    _forged("deeply nested JSON", "tell('[' * 10**6)"),
    _forged("deeply nested values", "reply(my_number(), '{\"list\": [' * 5000 + ']}' * 5000)"),
    _forged(
        "values nested a little too deep", "reply(my_number(), '{\"list\": [' * 60 + ']}' * 60)"
    ),
    _forged("a size that is not a number", 'reply(my_number(), \'{"array": ["<f8", [NaN]]}\')'),
    _forged("a negative shape", 'reply(my_number(), \'{"array": ["<f8", [-1, -3]]}\', bytes(24))'),
    _forged(
        "a shape that overflows",
        'reply(my_number(), \'{"array": ["<f8", [4294967296, 4294967296, 2]]}\')',
    ),
    _forged(
        "a shape of too many dimensions",
        "reply(my_number(), '{\"array\": [\"<f8\", [' + '1,' * 99 + '1]]}', bytes(8))",
    ),
    _forged("an array of objects", 'reply(my_number(), \'{"array": ["|O", [1]]}\', bytes(8))'),
    _forged("an array with fields", 'reply(my_number(), \'{"array": ["f8,O", [1]]}\', bytes(16))'),
    _forged("an array of nothing", 'reply(my_number(), \'{"array": ["|V0", [9999999]]}\')'),
    _forged(
        "an array longer than the message",
        'reply(my_number(), \'{"array": ["<f8", [1000000]]}\', bytes(8))',
    ),
    _forged("bytes left over", "reply(my_number(), 7.0, bytes(8))"),
    _forged(
        "millions of keys",
        "reply(my_number(), '{\"dict\": [[' + ','.join('\"%d\"' % i for i in range(10**6)) "
        "+ '], [' + ','.join(['1'] * 10**6) + ']]}')",
        points=LOST,
    ),
    _forged("keys without values", "reply(my_number(), '{\"dict\": [[1, 2, 3], [1]]}')"),
    _forged("two kinds in one", 'reply(my_number(), \'{"list": [], "tuple": []}\')'),
    _forged(
        "an object to be built by the grader",
        'reply(my_number(), \'{"named": ["vi_lib.advi.advi", {"list": []}, '
        '{"dict": [[], []]}, true]}\')',
    ),
    _forged("a number of 100,000 digits", "reply(my_number(), '9' * 100_000)"),
    _forged("infinities and no numbers", "reply(my_number(), '[NaN, Infinity, -Infinity]')"),
    _forged("a message that is not a message", "tell('[1, 2, 3]')"),
    _forged("not JSON, not text", "tell(b'\\xff\\xfe\\x00')"),
    _forged("half a message", "os.write(PIPE, frame('7', size=10**6))"),
    Attack(
        "a message one byte at a time",
        FORGE,
        seconds=2.0,
        points=LOST,
        answer="def double(x):\n    for _ in range(10**6):\n"
        "        os.write(PIPE, b'\\1\\2\\0\\0\\0\\0\\0\\0'[_ % 8:][:1] if _ < 8 else b'x')\n"
        "        time.sleep(0.01)",
    ),
    Attack(
        "times that lie",
        FORGE,
        answer="def double(x):\n    reply(my_number(), 7.0, seconds='-1e308')\n"
        "    time.sleep(0.2)\n    os._exit(0)",
        points=LOST,
    ),
    _forged(
        "a fault of an unknown kind",
        'reply(my_number(), \'null\', fault=\'{"dict": [["kind", "message", "error_type"], '
        '["full marks", "", ""]]}\')',
    ),
    _forged(
        "claim that the check is at fault",
        'reply(my_number(), \'null\', fault=\'{"dict": [["kind", "message", "error_type"], '
        '["crashed", "It is the grader", ""]]}\')',
    ),
    Attack(
        "read the questions from the pipe in a thread",
        FORGE
        + """
import threading
def steal():
    while True:
        os.read(PIPE, 1)
threading.Thread(target=steal, daemon=True).start()
""",
        points=HONEST,
        exactly=False,
        seconds=4.0,
    ),
    Attack("close the pipe", FORGE + "os.close(PIPE)", points=LOST),
    Attack(
        "end the process inside a reply",
        FORGE
        + """
class Last(float):
    def __float__(self):
        os._exit(0)
""",
        answer="def double(x):\n    return Last(2)",
        points=LOST,
    ),
)
