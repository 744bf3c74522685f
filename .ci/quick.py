"Nothing heavy is imported early: `import gpt2pro` under 0.2 s, `gpt2pro --help` under 0.5 s, the best of five"
import subprocess, sys, time

def seconds(*command):
    def once():
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start
    return min(once() for _ in range(5))

python = seconds(sys.executable, '-c', 'pass')
figures = {'import gpt2pro': (seconds(sys.executable, '-c', 'import gpt2pro') - python, 0.2), 'gpt2pro --help': (seconds('gpt2pro', '--help'), 0.5)}
for name, (took, limit) in figures.items(): print(f'{name}: {took:.2f} s, at most {limit} s')
sys.exit(any(took > limit for took, limit in figures.values()))
