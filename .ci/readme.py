"""README.md is nbs/index.ipynb as Markdown, and its table of chapters is what `ls nbs` shows

    python .ci/readme.py            # write both
    python .ci/readme.py --check    # fail where they differ, or a figure of the table of measurements is in no stored output
    python .ci/readme.py --test     # print the part of its second command that runs the tests
"""
import json, re, sys
from pathlib import Path

top = Path(__file__).resolve().parent.parent
directive = re.compile(r'^#\s*\|.*\n?', re.M)

CHAPTERS = { # folder → what it turns into what
    '00_core': 'files and words → typed settings, errors, what this machine can do',
    '01_text': 'any source → a stream of documents with language and quality',
    '02_analysis': 'documents, a tokenizer → a report on the dataset',
    '03_validation': 'a configuration, a machine, a dataset → findings with fixes, memory and time',
    '04_tokenizers': 'documents → a tokenizer',
    '05_data': 'documents, a tokenizer → token shards → batches',
    '06_kernels': 'the parts of a layer: plain PyTorch, then Triton',
    '07_attention': 'queries, keys, values and a mask → attention output',
    '08_model': '`ModelConfig` → `GPT`; weights from and to Hugging Face',
    '09_trainer': 'a model, batches → a run directory',
    '10_generation': 'a run, text → loss, perplexity, bits per byte; a prompt → text; a run → other formats, a server',
    '11_bench': 'this package beside plain PyTorch and others, on this machine',
    '12_app': 'everything as one function, one command, one report',
}
HEADING = '## The notebooks, in reading order'

def title(path):
    "The first heading of a notebook"
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    return next(m[1] for c in cells if (m := re.match(r'# (.+)', ''.join(c['source']))))

def contents():
    "The table of chapters, each with links to its notebooks in order"
    rows = ['| chapter | from → to | notebooks |', '|---|---|---|']
    for folder, words in CHAPTERS.items():
        paths = sorted((top/'nbs'/folder).glob('*.ipynb'))
        links = ', '.join(f'[{title(path)}]({folder}/{path.name})' for path in paths)
        rows.append(f'| `{folder}` | {words} | {links} |')
    return '\n'.join(rows)

def update_index(write):
    "Put the table of chapters into the index notebook; whether it was there already"
    path = top/'nbs/index.ipynb'
    notebook = json.loads(path.read_text(encoding='utf-8'))
    found = next(c for c in notebook['cells'] if ''.join(c['source']).startswith(HEADING))
    words = f'{HEADING}\n\nEach makes the module of the same name, and imports only from those before it.\n\n{contents()}'
    same = ''.join(found['source']) == words
    found['source'] = words.splitlines(keepends=True)
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
    if write and not same: path.write_text(f'{text}\n', encoding='utf-8', newline='\n')
    return same

def fence(text, language=''): return f'```{language}\n{text.strip()}\n```'

def output(out):
    "What a cell printed or gave, as Markdown"
    if out['output_type'] == 'stream': return fence(''.join(out['text']))
    data = out.get('data', {})
    if 'text/markdown' in data: return ''.join(data['text/markdown'])
    return fence(''.join(data.get('text/plain', '')))

def cell(c):
    "One cell as Markdown; the notebooks it links to are in nbs/"
    source = ''.join(c['source'])
    if re.search(r'^#\s*\|\s*hide', source, re.M): return ''
    if c['cell_type'] == 'markdown': return re.sub(r'\]\((?!https?:|#)([^)]+)\)', r'](nbs/\1)', source)
    return '\n\n'.join([fence(directive.sub('', source), 'python'), *map(output, c['outputs'])])

def readme():
    cells = json.loads((top/'nbs/index.ipynb').read_text(encoding='utf-8'))['cells']
    body = '\n\n'.join(filter(None, map(cell, cells)))
    return f'<!-- Made from nbs/index.ipynb by .ci/readme.py: edit the notebook -->\n\n{body}\n'

NUMBER = re.compile(r'(?<![\w.])[−-]?\d[\d,]*(?:\.\d+)?(?:·10⁻\d|e[-+]?\d+)?')
SUPERSCRIPTS = str.maketrans('⁰¹²³⁴⁵⁶⁷⁸⁹', '0123456789')

def numbers(text):
    "The numbers in some text, as they are written and as values"
    for word in NUMBER.findall(text.translate(SUPERSCRIPTS)):
        yield word, float(word.replace('·10⁻', 'e-').replace('−', '-').replace(',', ''))

def stored_outputs(path):
    "All that the cells of a notebook printed or gave"
    for c in json.loads(path.read_text(encoding='utf-8'))['cells']:
        for out in c.get('outputs', []):
            texts = [out.get('text', ''), *(v for kind, v in out.get('data', {}).items() if kind.startswith('text/'))]
            yield re.sub(r'<[^>]*>', ' ', '\n'.join(map(''.join, texts)))

def rounds_to(value, word, figure):
    "Whether a value is a figure of the table, to the digits that are written there"
    if '·' in word: return f'{value:.0e}' == f'{figure:.0e}'
    return round(value, len(word.partition('.')[2])) == figure

def unproved_figures():
    "Figures of the table of measurements that no stored output of the page they name has"
    text = (top/'README.md').read_text(encoding='utf-8').partition('## What is measured')[2].partition('##')[0]
    for row in re.findall(r'^\|(.+)\|$', text, re.M)[2:]:
        _, figures, page = row.split('|')
        path = re.search(r'\((nbs/[^)]+)\)', page)
        if 'not yet' in figures: continue
        if not path:
            yield f'{figures.strip()}: names no page'
            continue
        known = [value for output in stored_outputs(top/path[1]) for _, value in numbers(output)]
        for word, figure in numbers(figures):
            if not any(rounds_to(value, word, figure) for value in known): yield f'{figures.strip()}: {word} is not in an output of {path[1]}'

def commands():
    "The README's two commands: install and run the main job; install for contributors and run the tests"
    return re.findall(r'^```sh\n(.+)\n```$', (top/'README.md').read_text(encoding='utf-8'), re.M)

if __name__ == '__main__':
    path = top/'README.md'
    if '--test' in sys.argv: print(commands()[1].split(' && ')[1])
    elif '--check' not in sys.argv:
        update_index(write=True)
        path.write_text(readme(), encoding='utf-8', newline='\n')
    elif not update_index(write=False) or path.read_text(encoding='utf-8') != readme():
        sys.exit('README.md differs from nbs/index.ipynb, or that from nbs/: run python .ci/readme.py')
    elif unproved := list(unproved_figures()): sys.exit('\n'.join(unproved))
