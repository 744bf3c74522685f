"""Nothing heavy is imported early, measured in starts of Python: `import gpt2pro` at most 3, `gpt2pro --help` at most 12

Absolute times would depend on the machine. The best of five counts.
"""
import subprocess, sys, time

def best(*command):
    "The least time of a command in seconds"
    def seconds():
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start
    return min(seconds() for _ in range(5))

python = best(sys.executable, '-c', 'pass')
figures = {'import gpt2pro': (best(sys.executable, '-c', 'import gpt2pro'), 3), 'gpt2pro --help': (best('gpt2pro', '--help'), 12)}
print(f'Python itself: {python:.3f} s')
for name, (took, limit) in figures.items(): print(f'{name}: {took:.3f} s, {took/python:.1f} starts of Python, at most {limit}')
sys.exit(any(took > limit*python for took, limit in figures.values()))
