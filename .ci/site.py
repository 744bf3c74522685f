"""Render the Quarto project in nbs/ to _docs/, with Quarto or without

    python .ci/site.py            # then open _docs/index.html
    python .ci/site.py --serve    # and look at it on http://localhost:8000
    python .ci/site.py --quarto   # drawn by Quarto's program

nbdev prepares the pages (as `nbdev_docs` does). Without Quarto smalldocs draws them and ziamath the formulas: no page needs the network.
A broken link, a missing picture, a picture without an alternative text and a notebook of more than 300 KB or without the cell that installs the package in Colab are errors.
"""
import html, json, re, shutil, subprocess, sys
import smalldocs.markdown, ziamath
from nbdev.config import get_config
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs
from smalldocs.config import load
from smalldocs.site import Site

ziamath.config.svg2 = False # paths, not symbols: two formulas on a page share no ids

def draw_math(tex, options):
    "A formula as SVG, on the line of the text around it"
    display = bool(options.get('display_mode'))
    formula = ziamath.Latex(tex, inline=not display, size=18 if display else 16.5, color='currentColor')
    drop = 0 if display else formula.getyofst()
    return f'<span role="img" aria-label="{html.escape(tex)}" style="display:inline-block; line-height:0; vertical-align:{drop:.1f}px">{formula.svg()}</span>'

smalldocs.markdown.math_renderer = draw_math

class NotebookSite(Site):
    "A smalldocs site that calls a page by its `output-file` and keeps the links between our own pages inside the site"
    def warn(self, msg):
        if 'output-file' not in msg: super().warn(msg)

    def read(self, src):
        page = super().read(src)
        page.out = page.out.with_name(page.front.get('output-file', page.out.name))
        return page

    def render_page(self, page):
        super().render_page(page)
        page.env.pop('math', None) # formulas are drawn: no script is needed

    def find_page(self, target):
        return super().find_page(target) or next((p for p in self.pages.values() if p.out == target), None)

    def resolve(self, href, page, record=True):
        return super().resolve(href.removeprefix(self.project.website['site-url']), page, record)

def finish(folder):
    "Pages ask no other server for fonts; code can be reached, and the contents skipped, by the keyboard"
    silent = []
    for sheet in folder.rglob('*.css'):
        text = sheet.read_text(encoding='utf-8')
        sheet.write_text(re.sub(r'@import\s*url\(https?://[^)]*\);?', '', text), encoding='utf-8')
    for page in folder.rglob('*.html'):
        text = page.read_text(encoding='utf-8')
        text = re.sub(r'(<body[^>]*>)', r'\1<a class="skip-link" href="#quarto-document-content">Skip to the text</a>', text, count=1)
        text = text.replace('<main ', '<main tabindex="-1" ', 1)
        text = text.replace('<pre class="sourceCode', '<pre tabindex="0" class="sourceCode')
        page.write_text(text, encoding='utf-8')
        pictures = re.findall(r'<img[^>]*>', text)
        bare = sum(re.search(r'alt="[^"]', picture) is None for picture in pictures)
        if bare: silent.append(f'{page.relative_to(folder)}: {bare} pictures without #| fig-alt')
    return silent

def add_colab(cfg, cache):
    "Beside each page a link that opens its notebook in Colab; its first code cell installs the package there"
    start = f'https://colab.research.google.com/github/{cfg.user}/{cfg.repo}/blob/{cfg.branch}/nbs'
    for path in cache.rglob('*.ipynb'):
        notebook = json.loads(path.read_text(encoding='utf-8'))
        front = notebook['cells'][0]
        address = f'{start}/{path.relative_to(cache).as_posix()}'
        link = f'code-links:\n- text: Open in Colab\n  icon: journal-code\n  href: {address}\n'
        front['source'] = ''.join(front['source']).replace('---\n', f'---\n{link}', 1)
        path.write_text(json.dumps(notebook), encoding='utf-8')

INSTALL = '![ -e /content ] && pip install' # the cell with which a page begins in Colab

def notebook_faults(folder, most=300_000):
    "Notebooks that are slow to open, or do not run in Colab"
    for path in sorted(folder.rglob('*.ipynb')):
        size = path.stat().st_size
        if size > most: yield f'{path.relative_to(folder)}: {size:,} bytes, more than {most:,}'
        if INSTALL not in path.read_text(encoding='utf-8'): yield f'{path.relative_to(folder)}: no cell "{INSTALL} …"'

def render(quarto):
    "Process the notebooks, draw the pages, and move them to where settings.ini wants the site; whether something is wrong"
    cfg = get_config()
    refresh_quarto_yml()
    shutil.rmtree(cfg.config_path/'_proc', ignore_errors=True)
    cache = proc_nbs(n_workers=2)
    add_colab(cfg, cache)
    shutil.rmtree(cfg.doc_path, ignore_errors=True)
    if quarto:
        subprocess.run(['quarto', 'render', '--no-cache'], cwd=cache, check=True)
        shutil.move(cache/cfg.doc_path.name, cfg.doc_path)
        return False
    site = NotebookSite(load(cache))
    pages = site.build()
    shutil.move(site.out, cfg.doc_path)
    faults = [*finish(cfg.doc_path), *notebook_faults(cfg.nbs_path)]
    for warning in [*site.warnings, *faults]: print(warning)
    print(f'{pages} pages in {cfg.doc_path.name}/')
    return bool(site.broken or faults)

if __name__ == '__main__':
    bad = render('--quarto' in sys.argv)
    if '--serve' in sys.argv: subprocess.run([sys.executable, '-m', 'http.server', '-d', str(get_config().doc_path), '8000'])
    sys.exit(bad)
