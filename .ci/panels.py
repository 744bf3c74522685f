"""The panels in JupyterLab, in a headless browser: types, clicks, and looks at what is there

    python .ci/panels.py              # every panel
    python .ci/panels.py --pictures D # also pictures, in the folder D

It needs jupyterlab, optuna, playwright and a Chromium; where one of them is missing, it says so and ends well.
"""
import argparse, json, os, shutil, socket, subprocess, sys, tempfile, time, urllib.request
from importlib.util import find_spec
from contextlib import contextmanager
from pathlib import Path

top = Path(__file__).resolve().parent.parent
browsers = map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))
CHROMIUM = next(filter(None, browsers), None) # without one, playwright's own

# Each panel is the output of a cell; what a person then does there is a function below
PANELS = {
    'config': "from gpt2pro import analyze_panel, config_panel, validate_panel\nconfig = config_panel('tiny')\nconfig",
    'validate': "validate = validate_panel({'model': {'n_head': 5}, 'train': {'lr': 0.5}})\nvalidate",
    'analyze': "analyze = analyze_panel()\nanalyze",
    'task': "import time\nfrom gpt2pro.app.widgets import BackgroundTask\nfrom gpt2pro.core.progress import progress_bar\n"
           "task = BackgroundTask(lambda: [time.sleep(0.05) for _ in progress_bar(range(10**4), 'counting')], print)\ntask.box",
    'train': "from gpt2pro import compare_panel, generate_panel, load_config, train_panel, tune_panel\n"
             "small = load_config('nano', ['model.block_size=64', 'data.sample=0.05', 'train.batch_size=4', 'train.max_steps=100000',\n"
             "    'train.log_interval=5', 'train.eval_interval=50', 'train.checkpoint_interval=50', 'train.eval_batches=2'])\n"
             "train = train_panel(small, 'runs/train')\ntrain",
    'generate': "import io\nfrom contextlib import redirect_stderr\nfrom gpt2pro.trainer.loop import train_model\n"
                "with redirect_stderr(io.StringIO()):\n"
                "    for lr in 1e-3, 1e-2: train_model(load_config(small, [f'train.lr={lr}', 'train.max_steps=50']), f'runs/lr-{lr}', progress=False)\n"
                "generate = generate_panel('runs/lr-0.01')\ngenerate",
    'compare': "compare = compare_panel()\ncompare",
    'tune': "tune = tune_panel(small, 'runs/tune', overrides=['train.max_steps=20', 'train.eval_interval=10'])\ntune",
}
SLOW = 300_000 # milliseconds for a command to start on a busy machine
AFTER = "c = config.value\nprint('values:', c.train.batch_size, c.model.n_head, c.model.n_layer, validate.value.model.n_head, analyze.value.sampled_fraction)"

def do_config(panel, folder):
    field = lambda name: panel.get_by_label(name, exact=True)
    field('n_head').fill('5')
    panel.get_by_text('n_head = 5 does not divide').wait_for() # as it is typed
    panel.get_by_role('button', name='Fix').click()
    until(lambda: field('n_head').input_value() == '4')
    panel.get_by_role('tab', name='train').click()
    field('batch_size').fill('32')
    field('batch_size').fill('many')
    panel.get_by_text('it has to be a whole number').wait_for()
    panel.get_by_text('train.batch_size: the last right value is used').wait_for()
    field('batch_size').fill('64')
    field('advanced settings').check()
    field('beta1').wait_for()
    panel.get_by_text("load_config('tiny', ['train.batch_size=64'])").wait_for()
    for said in (f'Saved {folder}', 'it would be overwritten'):
        panel.get_by_role('button', name='Save').click()
        panel.get_by_text(said).wait_for()
    assert 'batch_size: 64' in (folder/'gpt2pro.yaml').read_text()

def do_validate(panel, folder):
    panel.get_by_text('n_head = 5 does not divide').click() # opens
    panel.get_by_text('keeps 5 heads').wait_for()
    panel.get_by_role('button', name='Fix all').click()
    panel.get_by_text('No problem was found').wait_for()
    panel.get_by_role('button', name='Undo').click()
    panel.get_by_text('n_head = 5 does not divide').wait_for()
    panel.get_by_role('button', name='Fix all').click()
    panel.get_by_text('No problem was found').wait_for()

def do_analyze(panel, folder):
    panel.get_by_label('documents read').select_option('5 %')
    panel.get_by_role('button', name='Analyze').click()
    panel.get_by_text('Half of the documents have').wait_for()
    panel.locator('img').wait_for()
    until(lambda: panel.get_by_role('button', name='Analyze').is_enabled())

def do_task(panel, folder):
    panel.get_by_role('button', name='Start').click()
    panel.get_by_text('counting').wait_for()
    panel.get_by_role('button', name='Stop').click()
    panel.get_by_text('why: somebody asked for it').wait_for()

def until(true):
    for _ in range(3000):
        if true(): return
        time.sleep(0.1)
    raise AssertionError('it did not happen within five minutes')

def cell(source): return dict(cell_type='code', id=f'c{abs(hash(source))}', metadata={}, outputs=[], execution_count=None, source=source)

def write_notebook(path, *sources):
    kernel = dict(name='python3', display_name='Python 3', language='python')
    path.write_text(json.dumps(dict(cells=[*map(cell, sources)], metadata=dict(kernelspec=kernel), nbformat=4, nbformat_minor=5)))

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]

def write_setting(folder, name, **values):
    path = folder/'.settings'/'@jupyterlab'/'apputils-extension'/f'{name}.jupyterlab-settings'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))

@contextmanager
def lab(folder, theme='JupyterLab Light'):
    "A JupyterLab on a folder, with settings of its own; gives its address"
    port = free_port()
    write_setting(folder, 'notification', fetchNews='false')
    write_setting(folder, 'themes', theme=theme)
    own = {name: str(folder/f'.{name}') for name in ('JUPYTER_CONFIG_DIR', 'JUPYTER_DATA_DIR', 'JUPYTER_RUNTIME_DIR', 'IPYTHONDIR')}
    env = {**os.environ, **own, 'JUPYTERLAB_SETTINGS_DIR': str(folder/'.settings'), 'JUPYTERLAB_WORKSPACES_DIR': str(folder/'.workspaces')}
    command = [sys.executable, '-m', 'jupyterlab', '--no-browser', '--allow-root', f'--ServerApp.port={port}', '--IdentityProvider.token=', f'--ServerApp.root_dir={folder}']
    server = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    address = f'http://127.0.0.1:{port}'
    try:
        for _ in range(300):
            try: urllib.request.urlopen(f'{address}/api', timeout=1)
            except OSError: time.sleep(0.1)
            else: break
        yield address
    finally:
        server.terminate()
        server.wait(30)

def do_train(panel, folder):
    button = lambda name: panel.get_by_role('button', name=name)
    button('Start').click()
    panel.locator('.gp-charts svg').first.wait_for(timeout=SLOW)
    panel.locator('.gp-scroll td').first.wait_for(timeout=SLOW) # a sample
    button('Pause').click()
    panel.get_by_text('Paused: Step').wait_for(timeout=SLOW)
    button('Resume').click()
    until(button('Pause').is_enabled)
    log = folder/'runs'/'train'/'log.txt'
    until(lambda: log.read_text().count('validation loss') > 2 and 'resuming from' in log.read_text())
    button('Finish').click()
    until((folder/'runs'/'train'/'report.html').is_file)

def do_generate(panel, folder):
    panel.get_by_placeholder('A text to continue').fill('In the beginning')
    panel.get_by_role('button', name='Generate').click()
    panel.locator('.gp-text span').first.wait_for()
    panel.get_by_text('200 tokens').wait_for(timeout=SLOW)
    panel.get_by_text('settings', exact=True).click()
    panel.get_by_label('max_new_tokens', exact=True).fill('1000000')
    panel.get_by_role('button', name='Generate').click()
    panel.get_by_role('button', name='Stop').click()
    until(panel.get_by_role('button', name='Generate').is_enabled)
    panel.get_by_text('likeliest tokens at each step').click()

def do_compare(panel, folder):
    panel.get_by_text('more seeds are needed').wait_for()
    panel.get_by_label('runs/lr-0.001').uncheck()
    panel.get_by_label('runs/lr-0.01').uncheck()
    panel.get_by_text('Nothing to compare').wait_for()
    for lr in ('0.001', '0.01'): panel.get_by_label(f'runs/lr-{lr}', exact=True).check()
    panel.locator('img').wait_for()

def do_tune(panel, folder):
    panel.get_by_placeholder('add a setting').fill('model.dropout')
    panel.get_by_text('model.dropout: 0 to 0.5').wait_for()
    panel.get_by_label('train.lr', exact=True).fill('2..1')
    panel.get_by_text('2 is not below 1').wait_for()
    panel.get_by_label('train.lr', exact=True).fill('1e-3,1e-2')
    panel.get_by_role('button', name='Start').click()
    panel.locator('.gp-scroll table').wait_for(timeout=SLOW)
    panel.get_by_role('button', name='Stop').click()
    panel.get_by_role('button', name='Go on').wait_for()
    until(panel.get_by_role('button', name='Go on').is_enabled)

@contextmanager
def notebook(browser, address, name, width=1100):
    "A notebook in the browser, all of its cells run"
    page = browser.new_page(viewport=dict(width=width, height=1500))
    page.set_default_timeout(60_000)
    page.errors = []
    page.on('pageerror', lambda error: page.errors.append(str(error)))
    page.goto(f'{address}/doc/tree/{name}?reset')
    page.wait_for_selector('.jp-Notebook .jp-Cell')
    page.wait_for_selector('text=/ipykernel.*Idle/')
    page.click('.lm-MenuBar-itemLabel:text-is("Run")')
    page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
    yield page
    page.close()

def check(browser, address, folder, pictures):
    write_notebook(folder/'panels.ipynb', *PANELS.values(), AFTER)
    with notebook(browser, address, 'panels.ipynb') as page:
        cells = page.locator('.jp-CodeCell')
        for i, name in enumerate(PANELS):
            panel = cells.nth(i).locator('.jp-OutputArea-output').first
            panel.locator('.jupyter-widgets').first.wait_for()
            globals()[f'do_{name}'](panel, folder)
            if pictures: panel.screenshot(path=pictures/f'{name}.png')
            print(f'{name}: clicked', flush=True)
        cells.nth(len(PANELS)).click()
        page.keyboard.press('Shift+Enter')
        page.get_by_text('values: 64 4 4 4 0.05').wait_for() # what the next cell gets
        assert not page.errors, page.errors

def stored_views():
    "Notebooks that store a panel as a view for a browser with a kernel; a page then shows nothing"
    found = []
    for path in sorted((top/'nbs').rglob('*.ipynb')):
        outputs = (o.get('data', {}) for c in json.loads(path.read_text(encoding='utf-8'))['cells'] for o in c.get('outputs', ()))
        found += [path.name for data in outputs if {'text/html', 'application/vnd.jupyter.widget-view+json'} <= data.keys()]
    return found

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--pictures', type=Path)
    pictures = parser.parse_args().pictures
    assert not stored_views(), stored_views()
    missing = [name for name in ('jupyterlab', 'optuna', 'playwright') if not find_spec(name)] + ['Chromium']*(not CHROMIUM)
    if missing: return print(f'the panels were not clicked: {", ".join(missing)} missing')
    from playwright.sync_api import sync_playwright
    folder, start = Path(tempfile.mkdtemp()), time.monotonic()
    try:
        with lab(folder) as address, sync_playwright() as p:
            check(p.chromium.launch(executable_path=CHROMIUM), address, folder, pictures)
    finally: shutil.rmtree(folder, ignore_errors=True)
    print(f'{len(PANELS)} panels in JupyterLab, {time.monotonic() - start:.0f} s')

if __name__ == '__main__': main()
