"""The panels in JupyterLab, in a headless browser: types, clicks, and looks at what is there

    python .ci/panels.py              # every panel
    python .ci/panels.py --pictures D # also pictures, in the folder D

It needs jupyterlab, playwright and a Chromium; where one of them is missing, it says so and ends well.
"""
import argparse, json, os, shutil, subprocess, sys, tempfile, time, urllib.request
from contextlib import contextmanager
from pathlib import Path

top = Path(__file__).resolve().parent.parent
browsers = map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))
CHROMIUM = next(filter(None, browsers), None) # without one, playwright's own

def cell(source): return dict(cell_type='code', id=f'c{abs(hash(source))}', metadata={}, outputs=[], execution_count=None, source=source)

def write_notebook(path, *sources):
    kernel = dict(name='python3', display_name='Python 3', language='python')
    path.write_text(json.dumps(dict(cells=[*map(cell, sources)], metadata=dict(kernelspec=kernel), nbformat=4, nbformat_minor=5)))

def free_port():
    import socket
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
    env = {**os.environ, **own, 'PYTHONPATH': str(top), 'JUPYTERLAB_SETTINGS_DIR': str(folder/'.settings'), 'JUPYTERLAB_WORKSPACES_DIR': str(folder/'.workspaces')}
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
    page.click('.jp-Cell >> nth=0')
    page.click('.lm-MenuBar-itemLabel:text-is("Run")')
    page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
    yield page
    page.close()
