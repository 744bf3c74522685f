"Nothing heavy is imported early: `import gpt2pro` under 0.2 s, `gpt2pro --help` under 0.5 s, the best of five"
import subprocess, sys, time

def seconds(*command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start

def import_seconds():
    timed = 'import time; start = time.perf_counter(); import gpt2pro; print(time.perf_counter() - start)'
    return float(subprocess.check_output([sys.executable, '-c', timed]))

figures = {'import gpt2pro': (min(import_seconds() for _ in range(5)), 0.2), 'gpt2pro --help': (min(seconds('gpt2pro', '--help') for _ in range(5)), 0.5)}
for name, (took, limit) in figures.items(): print(f'{name}: {took:.3f} s, at most {limit} s')
sys.exit(any(took > limit for took, limit in figures.values()))
