"""Everything of this project that needs a GPU, in under ten minutes

    .ci/gpu                     on a machine with a GPU
    .ci/gpu --dry-run           the same stages on a CPU, with small sizes and Triton's interpreter
    .ci/gpu --stages train      one of them: machine, cells, train, steps, generate, kernels

It needs Python, torch and triton, but no network and no pip. Packages that the machine lacks are read from a folder
of wheels, which is unpacked: --wheels FOLDER; it says at the start which they are and how to get them.
Each stage is a process of its own with a time limit, so that one that hangs costs only its own time.
Results: gpu.json, and kernels.json, kernels.html and plots of the kernel benchmarks, in --out, else in $OUT, else in ./gpu.
"""
import argparse, ast, dis, importlib.util, io, json, os, re, signal, statistics, subprocess, sys, tempfile, time
import traceback, types, zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path

top = Path(__file__).resolve().parent.parent
TOTAL = 585 # seconds for everything
LIMITS = {'machine': 45, 'cells': 180, 'train': 150, 'steps': 120, 'generate': 45, 'kernels': 130} # seconds
NOTEBOOK = 100 # seconds for the cells of one notebook
TIMED = re.compile('do_bench|run_benchmark|time_call') # such cells have the GPU for themselves
ELSEWHERE = {'11_bench/02_kernels'} # its cell is the stage kernels
NOT_ON_CPU = 'FlexAttention does not support backward on CPU' # all that a dry run cannot do
NEEDED = ['pydantic', 'annotated_types', 'typing_inspection', 'ruamel.yaml', 'fastcore', 'rensa'] # by every stage; others by some cells at most


# ---- What the machine has

def has(module):
    try: return importlib.util.find_spec(module) is not None
    except ImportError: return False

def missing_packages():
    "Requirements of the package that this Python lacks: the name for pip, and whether every stage needs it"
    lines = (top/'settings.ini').read_text(encoding='utf-8').split('\nrequirements =')[1].split('_requirements')[0].splitlines()
    names = [*dict.fromkeys([*NEEDED, *(re.match(r'\s+([\w.]+(-[\w]+)*)', line)[1] for line in lines if line.startswith(' '))])]
    modules = {'lingua-language-detector': 'lingua', 'ipython': 'IPython'}
    return {name: name in NEEDED for name in names if not has(modules.get(name, name))}

def unpack(wheels, folder):
    "Unpack wheels into a folder, which takes no pip"
    for wheel in sorted(Path(wheels).glob('*.whl')):
        with zipfile.ZipFile(wheel) as archive: archive.extractall(folder)

def say_missing(missing):
    for name, needed in missing.items(): print(f'missing: {name}', '(every stage needs it)' if needed else '(some cells may need it)')
    if not any(missing.values()): return
    version = f'{sys.version_info.major}.{sys.version_info.minor}'
    platforms = ' '.join(f'--platform manylinux{name}_x86_64' for name in ('_2_28', '_2_17', '2014'))
    print('Fetch them where there is a network, and bring the folder along (--wheels wheels):\n'
          f'  pip download --only-binary=:all: --implementation cp --python-version {version} {platforms} -d wheels pydantic ruamel.yaml fastcore rensa')


def without_lingua():
    "Text is prepared as English where lingua is missing: its wheel of 170 MB is too large to bring along"
    if has('lingua'): return
    import gpt2pro.data.prepare
    gpt2pro.data.prepare.detect_languages = lambda texts, *_: ['en']*len(texts)


# ---- Stages; each gets `save`, and calls it as soon as a result is known

def stage_machine(save, dry, out):
    "What is measured on"
    import torch
    from gpt2pro.core.devices import measure_throughput
    from gpt2pro.core.gpus import find_gpus
    from gpt2pro.bench.timing import describe_machine
    device = torch.device('cpu' if dry else 'cuda')
    save(dict(name='cpu' if dry else torch.cuda.get_device_name(), machine=describe_machine(device), python=sys.version.split()[0],
              cuda=torch.version.cuda, gpus=[gpu.model_dump() for gpu in find_gpus()], throughput=measure_throughput(1, device.type).model_dump()))

def configuration(dry, **train):
    "124M as GPT-2, context 1024, in bf16, compiled; a tiny one in a dry run"
    from gpt2pro import load_config
    words = dict(batch_size=2 if dry else 12, gradient_accumulation_steps=1, max_steps=10**6, eval_interval=10**6, log_interval=1 if dry else 10,
                 checkpoint_interval=10**6, eval_batches=2, precision='fp32' if dry else 'bf16', device='cpu' if dry else 'cuda', compile='true') | train
    return load_config('nano' if dry else 'gpt2', [f'train.{name}={value}' for name, value in words.items()])

def utilization(config, speed):
    "MFU of a speed in tokens/s; None where the GPU's peak is not known"
    import torch
    from gpt2pro.core.gpus import find_gpu_spec
    from gpt2pro.validation.counts import flops_per_token
    spec = find_gpu_spec(torch.cuda.get_device_name()) if torch.cuda.is_available() else None
    return speed*flops_per_token(config.model)/spec.flops if spec else None

def stage_train(save, dry, out):
    "A training by the loop that users run, two minutes of it"
    from gpt2pro.trainer.loop import train_model
    config, lines = configuration(dry, batch_size=2 if dry else 48, max_hours=(8 if dry else 105)/3600), []
    def watch(line):
        lines.append(line)
        speeds = [line['tokens_per_second'] for line in lines if 'tokens_per_second' in line]
        speeds = speeds[3:] or speeds[-1:] # without compilation
        if speeds: save(dict(config=config.model_dump(), steps=line['step'], tokens_per_second=statistics.median(speeds),
                             mfu=utilization(config, statistics.median(speeds)), losses=[line['loss'] for line in lines if 'loss' in line][-500:],
                             memory=max(line.get('memory', 0) for line in lines)))
    with tempfile.TemporaryDirectory() as folder: train_model(config, Path(folder)/'run', callbacks=[watch], progress=False)

def nanogpt(vocabulary, T, C, H, layers):
    "nanoGPT's model (its default training settings: no biases, no dropout), written from PyTorch's layers"
    import torch
    from torch import nn
    from torch.nn import functional as F
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln_1, self.ln_2 = nn.LayerNorm(C, bias=False), nn.LayerNorm(C, bias=False)
            self.c_attn, self.c_proj = nn.Linear(C, 3*C, bias=False), nn.Linear(C, C, bias=False)
            self.mlp = nn.Sequential(nn.Linear(C, 4*C, bias=False), nn.GELU(), nn.Linear(4*C, C, bias=False))
        def forward(self, x):
            q, k, v = (y.unflatten(-1, (H, C//H)).transpose(1, 2) for y in self.c_attn(self.ln_1(x)).split(C, 2))
            x = x + self.c_proj(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
            return x + self.mlp(self.ln_2(x))
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.wte, self.wpe, self.h = nn.Embedding(vocabulary, C), nn.Embedding(T, C), nn.Sequential(*[Block() for _ in range(layers)])
            self.ln_f, self.lm_head = nn.LayerNorm(C, bias=False), nn.Linear(C, vocabulary, bias=False)
            self.lm_head.weight = self.wte.weight
            for p in self.parameters(): nn.init.normal_(p, std=.02) if p.dim() > 1 else None
        def forward(self, x, y):
            h = self.h(self.wte(x) + self.wpe(torch.arange(x.size(1), device=x.device)))
            return F.cross_entropy(self.lm_head(self.ln_f(h)).flatten(0, 1), y.flatten())
    return Model()

def nanogpt_step(config, device, dtype):
    "A training step of nanoGPT: autocast, clipping, fused AdamW"
    import torch
    c = config.model
    model = nanogpt((c.vocab_size + 63)//64*64, c.block_size, c.n_embd, c.n_head, c.n_layer).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-4, betas=(.9, .95), weight_decay=.1, fused=device.type == 'cuda')
    compiled = torch.compile(model)
    def step(x, y):
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32): loss = compiled(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss
    return step

def our_step(config, device, dtype):
    "A training step of this package, by its strategy"
    from functools import partial
    from gpt2pro import GPT
    from gpt2pro.trainer.optimizers import make_optimizer
    from gpt2pro.trainer.strategy import make_strategy
    strategy = make_strategy(config.train)
    model, optimizer = strategy.setup(GPT(config.model), partial(make_optimizer, train=config.train), config.train.compile)
    def step(x, y):
        with strategy.autocast(): loss = model(x, y)
        strategy.backward(loss)
        strategy.step(optimizer, 1.)
        optimizer.zero_grad()
        return loss
    return step

def stage_steps(save, dry, out):
    "Our step beside nanoGPT's at its batch of 12 x 1024, in turns, then both at a larger batch"
    import torch
    device, results = torch.device('cpu' if dry else 'cuda'), {}
    dtype = torch.float32 if dry else torch.bfloat16
    for batch in (2, 4) if dry else (12, 48):
        config = configuration(dry, batch_size=batch)
        ids = torch.randint(config.model.vocab_size, (batch, config.model.block_size + 1), device=device)
        x, y = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
        torch._dynamo.reset()
        steps = {'nanoGPT': nanogpt_step(config, device, dtype), 'gpt2pro': our_step(config, device, dtype)}
        for step in steps.values():
            for _ in range(3): step(x, y)
        times = {name: [] for name in steps}
        for _ in range(3 if dry else 15):
            for name, step in steps.items():
                start = time.perf_counter()
                for _ in range(1 if dry else 5): loss = step(x, y)
                loss.item() # waits for the device
                times[name].append(time.perf_counter() - start)
        speed = {name: x.numel()*(1 if dry else 5)/statistics.median(seconds) for name, seconds in times.items()}
        results[f'batch {batch}'] = {name: dict(tokens_per_second=value, mfu=utilization(config, value), seconds=times[name])
                                     for name, value in speed.items()} | dict(ratio=speed['gpt2pro']/speed['nanoGPT'])
        save(results | dict(aims=dict(ratio=1.3, mfu=.5)))
        del steps, step

def stage_generate(save, dry, out):
    "Greedy generation of 124M in bf16; the engine has no CUDA graphs yet"
    import torch
    from gpt2pro import GPT

    config, results = configuration(dry), dict(cuda_graphs=False)
    model = GPT(config.model).eval()
    if not dry: model = model.cuda().bfloat16()
    n = 16 if dry else 200
    for B in (1, 8, 64):
        prompt = torch.randint(config.model.vocab_size, (B, 16), device=model.wte.weight.device)
        model.generate(prompt, max_new_tokens=8, temperature=0)
        start = time.perf_counter()
        ids = model.generate(prompt, max_new_tokens=n, temperature=0)
        assert ids.shape == (B, 16 + n) and ids[:, :16].equal(prompt)
        results[f'batch {B}'] = dict(tokens_per_second=B*n/(time.perf_counter() - start))
        save(results)

def stage_kernels(save, dry, out):
    "The kernel benchmarks: `gpt2pro bench kernels --quick`"
    from gpt2pro.bench.kernels import bench_kernels
    report = bench_kernels(out, 'cpu' if dry else 'cuda', quick=True, progress=False)
    save(dict(facts=report._facts(), goals=report._tables()['Goals']))


# ---- Cells of notebooks

def notebook_cells(path):
    "Code cells of a notebook: number, source, and whether it has a flag"
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    for number, cell in enumerate(cells):
        source = re.sub(r'^\s*[%!].*$', '', ''.join(cell['source']), flags=re.M) # without commands of a notebook
        flags = re.findall(r'^#\s*\|\s*(gpu|slow)\s*$', source, re.M)
        if cell['cell_type'] == 'code': yield number, source, flags[0] if flags else ''

def gpu_notebooks():
    "Notebooks with cells for a GPU, and whether these measure time"
    for path in sorted((top/'nbs').rglob('*.ipynb')):
        sources = [source for _, source, flag in notebook_cells(path) if flag == 'gpu']
        if sources and f'{path.parent.name}/{path.stem}' not in ELSEWHERE: yield path, bool(TIMED.search(' '.join(sources)))

def names(code, *operations):
    "Global names that some code uses in one of the operations"
    for instruction in dis.get_instructions(code):
        if instruction.opname in operations: yield instruction.argval
    for const in code.co_consts:
        if isinstance(const, types.CodeType): yield from names(const, *operations)

def compile_statements(source, filename):
    "The statements of a cell, each compiled; `inspect` finds their source"
    import linecache
    linecache.cache[filename] = len(source), None, source.splitlines(True), filename
    future = __import__('__future__').annotations.compiler_flag
    return [compile(ast.Module([node], []), filename, 'exec', future) for node in ast.parse(source).body]

def needed_before(statements, wanted):
    "The statements that define what others use, in order: a cell for a GPU runs without all that is above it"
    uses = ('LOAD_NAME', 'LOAD_GLOBAL')
    names_wanted = {name for code in wanted for name in names(code, *uses)} - {name for code in wanted for name in names(code, 'STORE_NAME')}
    chosen = []
    for code in reversed(statements):
        if names_wanted.isdisjoint(names(code, 'STORE_NAME')): continue
        chosen.append(code)
        names_wanted |= set(names(code, *uses))
    return chosen[::-1]

def for_cpu(source):
    "The cell of a dry run: on a CPU, with small sizes"
    source = source.replace("'cuda'", "'cpu'").replace("'TRITON_INTERPRET': '0'", "'TRITON_INTERPRET': '1'")
    source = re.sub(r"'(tiny|mini|small|gpt2|gpt2-medium)'", "'nano'", source).replace('torch.bfloat16', 'torch.float32')
    return re.sub(r'\b([3-9]\d\d|\d[\d_]{3,})\b', lambda found: str(max(128, int(found[0])//1024)), source)

def run_cell(source, filename, space):
    "Run a cell as Jupyter would, and return what it printed and its last value"
    tree, printed = ast.parse(source), io.StringIO()
    last = ast.unparse(tree.body[-1]) if tree.body and isinstance(tree.body[-1], ast.Expr) else ''
    codes = compile_statements(source, filename)
    with redirect_stdout(printed):
        for code in codes[:-1] if last else codes: exec(code, space)
        if last and (value := eval(last, space)) is not None: print(repr(value))
    return printed.getvalue()[-8000:]

def run_notebook(path, save, dry):
    "Run the cells for a GPU, after what they need of the cells above"
    results, statements, space = [], [], {'__name__': '__main__', 'display': print}
    sys.modules['__main__'].__dict__.update(space) # what a cell defines can be pickled
    space = sys.modules['__main__'].__dict__
    cells = [(number, for_cpu(source) if dry and flag else source, flag) for number, source, flag in notebook_cells(path)]
    last = max(number for number, _, flag in cells if flag == 'gpu')
    wanted = [code for number, source, flag in cells if flag == 'gpu' for code in compile_statements(source, f'{path.stem}-{number}')]
    before = [code for number, source, flag in cells if not flag and number < last
              for code in compile_statements(source, f'{path.stem}-{number}')]
    for code in needed_before(before, wanted):
        try: exec(code, space)
        except Exception as e: results.append(dict(cell=code.co_filename, status='definition failed', error=f'{type(e).__name__}: {e}'[-1000:]))
    for number, source, flag in cells:
        if flag != 'gpu': continue
        start, result = time.monotonic(), dict(cell=f'{path.stem}-{number}', status='passed')
        try: result['output'] = run_cell(source, f'{path.stem}-{number}', space)
        except BaseException as e:
            if dry and NOT_ON_CPU in str(e): result['status'] = 'passed as far as a CPU can'
            else: result |= dict(status='failed', error=f'{type(e).__name__}: {e}'[-2000:], traceback=traceback.format_exc()[-3000:])
        results.append(result | dict(seconds=round(time.monotonic() - start, 2)))
        save(results)

FAKES = '''
"A GPU that is none, for dry runs"
import time, torch
def _now(*a, **k): return 1
torch.cuda.get_device_name = lambda *a: 'no GPU'
torch.cuda.reset_peak_memory_stats = torch.cuda.synchronize = lambda *a: None
torch.cuda.max_memory_allocated = _now
torch.cuda._sleep = lambda n: time.sleep(n*4e-5)
torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *a, **k: self
try:
    import triton.testing
    def do_bench(f, *a, **k):
        start = time.perf_counter()
        f()
        return 1e3*(time.perf_counter() - start)
    triton.testing.do_bench = do_bench
except ImportError: pass
'''


# ---- Running it all

def run_child(words, limit, env, cwd=top):
    "Run this script for one stage or notebook; a process that is too slow ends with all that it has started"
    start = time.monotonic()
    command = [sys.executable, __file__, *map(str, words)]
    child = subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, errors='replace', start_new_session=True)
    status = 'passed'
    try: text = child.communicate(timeout=max(1, limit))[0]
    except BaseException as e:
        os.killpg(child.pid, signal.SIGKILL)
        text = child.communicate()[0]
        if not isinstance(e, subprocess.TimeoutExpired): raise
        status = f'stopped after {limit:.0f} s'
    if child.returncode and status == 'passed': status = 'failed'
    return dict(status=status, seconds=round(time.monotonic() - start, 1), **({} if status == 'passed' else dict(output=text[-4000:])))

def read(path): return json.loads(path.read_text(encoding='utf-8')) if path.exists() else None

def run_cells(limit, env, work, options, slack):
    "Every notebook's cells for a GPU; those that measure time run alone, after the others"
    end, found = time.monotonic() + limit, [*gpu_notebooks()]
    def run(path):
        if (left := min(NOTEBOOK*slack, end - time.monotonic())) < 5: return dict(status='no time was left', seconds=0)
        return run_child(['--notebook', path, '--work', work, *options], left, env, path.parent)
    results = {}
    for timed, workers in ((False, 4 if len(os.sched_getaffinity(0)) >= 8 else 1), (True, 1)):
        paths = [path for path, is_timed in found if is_timed == timed]
        with ThreadPoolExecutor(workers) as pool: results |= dict(zip(paths, pool.map(run, paths)))
    return {f'{path.parent.name}/{path.stem}': result | dict(cells=read(work/f'{path.stem}.json') or []) for path, result in results.items()}

def save_to(path):
    def save(result):
        new = path.with_suffix('.new')
        new.write_text(json.dumps(result, indent=1, default=str), encoding='utf-8')
        new.replace(path)
    return save

def run_all(args):
    "Every stage in turn; gpu.json is written after each"
    out, start = Path(args.out).resolve(), time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work, site = Path(folder)/'work', Path(folder)/'site'
        for path in (work, site): path.mkdir()
        if args.wheels: unpack(args.wheels, site)
        paths = [str(top), str(site), *filter(None, [os.environ.get('PYTHONPATH')])]
        if args.dry_run: (site/'sitecustomize.py').write_text(FAKES)
        sys.path[:0] = paths[:2]
        env = os.environ | dict(PYTHONPATH=os.pathsep.join(paths), MPLBACKEND='agg', HF_HUB_OFFLINE='1', TRITON_INTERPRET='1' if args.dry_run else '0')
        missing = missing_packages()
        say_missing(missing)
        report = dict(date=time.strftime('%Y-%m-%d %H:%M'), dry_run=args.dry_run, missing=missing, stages={})
        options = ['--dry-run']*args.dry_run
        for name in args.stages.split(','):
            limit = min(LIMITS[name]*args.slack, TOTAL*args.slack - (time.monotonic() - start))
            if limit < 10: result = dict(status='no time was left', seconds=0)
            elif any(missing.values()): result = dict(status='skipped: packages are missing', seconds=0)
            elif name == 'cells':
                began, notebooks = time.monotonic(), run_cells(limit, env, work, options, args.slack)
                bad = [f'{notebook}: {result["status"]}' for notebook, result in notebooks.items() if result['status'] != 'passed'
                       or any(not cell['status'].startswith('passed') for cell in result['cells'])]
                result = dict(status='failed' if bad else 'passed', seconds=round(time.monotonic() - began, 1), failed=bad, result=notebooks)
            else: result = run_child(['--stage', name, '--work', work, '--out', out, *options], limit, env) | dict(result=read(work/f'{name}.json'))
            report['stages'][name] = result
            save_to(out/'gpu.json')(report)
            print(f'{result["status"]:>8}  {result["seconds"]:6.1f} s  {name}', *result.get('failed', []), sep='\n    ', flush=True)
            if result['status'] == 'failed' and 'output' in result: print(result['output'][-1500:])
    print(f'{time.monotonic() - start:.0f} s; results are in {out}')
    return any(result['status'] != 'passed' for result in report['stages'].values())

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', default=os.environ.get('OUT', 'gpu'), help='folder for the results')
    parser.add_argument('--wheels', help='folder with wheels of missing packages')
    parser.add_argument('--dry-run', action='store_true', help='on a CPU, with small sizes')
    parser.add_argument('--stages', default=','.join(LIMITS), help='names, with commas')
    parser.add_argument('--slack', type=float, default=1, help='multiplies every time limit, for slow machines')
    for name in ('--stage', '--notebook', '--work'): parser.add_argument(name, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if unknown := {*args.stages.split(',')} - {*LIMITS}: parser.error(f'--stages {args.stages}: no stage {", ".join(unknown)}; there are {", ".join(LIMITS)}')
    if args.notebook or args.stage: without_lingua()
    if args.notebook: run_notebook(Path(args.notebook), save_to(Path(args.work)/f'{Path(args.notebook).stem}.json'), args.dry_run)
    elif args.stage: globals()[f'stage_{args.stage}'](save_to(Path(args.work)/f'{args.stage}.json'), args.dry_run, Path(args.out))
    else: sys.exit(run_all(args))

if __name__ == '__main__': main()
