"""Every check of the project, from a fresh environment

    .ci/run

It works on a copy of the checkout in a temporary folder, so neither the checkout nor the caller's environment is used or changed.
It needs Python 3.11 to 3.13, git and a package index. The last line is "N passed, N failed".
"""
import os, re, shutil, subprocess, sys, tempfile, threading, time, traceback, venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import readme

top = Path(__file__).resolve().parent.parent
work = Path(tempfile.mkdtemp(prefix='gpt2pro-ci-'))
tree, passed, failed, counting = work/'tree', 0, 0, threading.Lock()

def environment(name):
    "A new virtual environment, as the variables that make it the one in use"
    venv.create(work/name, with_pip=True, symlinks=os.name != 'nt')
    scripts = work/name/('Scripts' if os.name == 'nt' else 'bin')
    own = {k: v for k, v in os.environ.items() if k not in ('PYTHONPATH', 'PYTHONHOME')}
    return own | {'VIRTUAL_ENV': str(work/name), 'PATH': f'{scripts}{os.pathsep}{os.environ["PATH"]}', 'CI': 'true',
                  'PIP_CONSTRAINT': str(tree/'.ci'/'constraints.txt'), 'PIP_DISABLE_PIP_VERSION_CHECK': '1',
                  'GOMP_SPINCOUNT': '1000'} # or the threads of two notebooks wait by turning in circles, on the cores that the other needs

def run(command, env, cwd=tree):
    return subprocess.run(command, shell=True, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, encoding='utf-8', errors='replace')

def count(name, good, start, text=''):
    "Note one check, and show what a failed one printed"
    global passed, failed
    with counting:
        passed, failed = passed + good, failed + (not good)
        if not good: print('\n'.join(text.splitlines()[-80:]))
        print(f'{"pass" if good else "FAIL"}  {time.monotonic() - start:5.0f} s  {name}', flush=True)
    return good

def check(name, command, env, cwd=tree):
    start, out = time.monotonic(), run(command, env, cwd)
    return count(name, out.returncode == 0, start, out.stdout)

def check_notebooks(command, env, notebooks):
    "The README's test of all notebooks: each is one check, and `nbdev_test` names only the ones that failed"
    start, out = time.monotonic(), run(command, env)
    bad = re.findall(r'^\t(\S+\.ipynb)$', out.stdout, re.M) if out.returncode else []
    if out.returncode and not bad: bad = [nb.name for nb in notebooks] # it did not get as far as naming one
    if bad: print(out.stdout[-20_000:])
    for nb in notebooks: count(f'README: test: {nb.parent.name}/{nb.name}', nb.name not in bad, start)

def check_slow_cells(env, notebooks):
    "Two notebooks at a time, each in a process of its own: what one has imported or started is nothing to the next"
    with ThreadPoolExecutor(2) as pool: list(pool.map(lambda nb: check(f'slow cells: {nb.parent.name}/{nb.name}', f'nbdev_test --path "{nb}" --flags slow', env), notebooks))

def copy_tree():
    "What git would commit now, as a repository of its own"
    names = subprocess.run(['git', 'ls-files', '-coz', '--exclude-standard'], cwd=top, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split('\0')):
        if not (top/name).is_symlink() and not (top/name).exists(): continue # deleted, not yet committed
        (tree/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(top/name, tree/name, follow_symlinks=False)
    run('git init -q && git config user.name ci && git config user.email ci@localhost && git add -A && git commit -qm tree', os.environ)

def export_and_clean(env):
    "Write the modules and clean the notebooks again; git then names what changed"
    return run('nbdev_export && nbdev_clean && git status --porcelain', env)

def main():
    copy_tree()
    dev, start = environment('dev'), time.monotonic()
    install, test = readme.commands()[1].split(' && ')
    if not check('README: install for contributors', install, dev): return
    notebooks = [p for p in sorted((tree/'nbs').rglob('*.ipynb')) if p.parent.name[0] not in '._']
    check_notebooks(test, dev, notebooks)
    check('DeepSpeed installs', 'pip install setuptools wheel ninja packaging && pip install --no-build-isolation deepspeed', {**dev, 'DS_ACCELERATOR': 'cpu'})
    check_slow_cells(dev, [p for p in notebooks if re.search(r'"#\s*\|\s*slow', p.read_text(encoding='utf-8'))])

    check('the checks for a GPU, as a dry run on a CPU', f'python .ci/gpu.py --dry-run --slack 6 --out "{work/"gpu"}"', dev)

    start, out = time.monotonic(), export_and_clean(dev)
    count('tree clean after nbdev_export and nbdev_clean', out.returncode == 0 and not out.stdout.strip(), start, out.stdout)
    module = tree/'gpt2pro'/'core'/'config.py'
    module.write_text(module.read_text(encoding='utf-8') + '# by hand\n', encoding='utf-8')
    run('git commit -qam edited', dev)
    start, out = time.monotonic(), export_and_clean(dev)
    count('a module edited by hand is noticed', 'gpt2pro/core/config.py' in out.stdout, start, out.stdout)
    run('git reset -q --hard HEAD~', dev)

    check('README.md is the index notebook', 'python .ci/readme.py --check', dev)
    check('ruff', 'ruff check --output-format concise gpt2pro', dev)
    check('notebooks: lines of at most 100 characters, no undefined name', 'ruff check --select E501,F821 --output-format concise nbs', dev)
    check('mypy', 'mypy', dev)
    check('imports point to earlier notebooks only', 'python .ci/imports.py', dev)
    check('requirements are what is imported', 'python .ci/requirements.py', dev)
    check('no test asserts an absolute time or speed', 'python .ci/asserts.py', dev)
    if check('site renders without a broken link', 'python .ci/site.py', dev):
        check('the search finds the terms of the field', 'python .ci/search.py', dev)
    if not check('sdist and wheel build', f'python -m build -o "{work/"dist"}"', dev): return
    user, sdist, wheel = environment('user'), *sorted((work/'dist').iterdir(), key=lambda p: p.suffix != '.gz')
    if check('wheel installs', f'pip install "{wheel}"', user, work):
        check('import and help are quick', f'python "{tree/".ci"/"quick.py"}"', user, work)
        check('main job from the wheel, in brief', 'gpt2pro quickstart --minutes 0.2 --out run && gpt2pro generate run --prompt "In the beginning"', user, work)
    if check('Jupyter installs', 'pip install jupyter', user, work):
        check('ten notebooks run without the packages of contributors', f'python "{tree/".ci"/"notebooks.py"}"', user, work)
    if check('the extra tune installs', f'pip install playwright "{wheel}[tune]"', user, work):
        check('the panels are clicked in JupyterLab', f'python "{tree/".ci"/"panels.py"}"', user, work)
    check('sdist installs', f'pip install --force-reinstall --no-deps "{sdist}" && gpt2pro --help', user, work)

start = time.monotonic()
try: main()
except Exception: count('the checks themselves', False, start, traceback.format_exc())
finally: shutil.rmtree(work, ignore_errors=True)
print(f'{time.monotonic() - start:.0f} s')
print(f'{passed} passed, {failed} failed')
sys.exit(failed > 0)
