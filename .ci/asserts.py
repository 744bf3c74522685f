"""No test asserts an absolute time or speed: a slow or busy machine would fail it

    python .ci/asserts.py

A time may be compared with another one, or with some minutes, after which something hangs.
"""
import json, re, sys
from pathlib import Path

top = Path(__file__).resolve().parent.parent
HANG = 120 # seconds
TEST = r'(?:assert|test_\w+\().*?'
NUMBER = r'\s*([\d_.e]+)(?![\w*\[(.])'
TIME = re.compile(TEST + r'(?:(?:perf_counter|monotonic|process_time)\(\)|\b(?:seconds|took|elapsed|slowest)\b)[^<>]*<=?' + NUMBER)
SPEED = re.compile(TEST + r'\b(?:speeds?|rates?|\w+_per_second|\w+/seconds)\b[^<>]*>=?' + NUMBER)

def is_absolute(line):
    return any(float(n) < HANG for n in TIME.findall(line)) or any(float(n) for n in SPEED.findall(line))

def faults():
    for path in sorted((top/'nbs').rglob('*.ipynb')):
        for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
            if cell['cell_type'] != 'code': continue
            yield from (f'{path.relative_to(top)}: {line}' for line in ''.join(cell['source']).splitlines() if is_absolute(line))

found = list(faults())
print(*found, sep='\n')
sys.exit(len(found) > 0)
