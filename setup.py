"Everything here comes from settings.ini; the one thing added is that a source distribution carries settings.ini too"
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup
from setuptools.command.sdist import sdist

here = Path(__file__).parent
config = ConfigParser(delimiters=['='])
config.read(here/'settings.ini', encoding='utf-8')
cfg = config['DEFAULT']
extras = {k.removesuffix('_requirements'): v.split() for k, v in cfg.items() if k.endswith('_requirements')}
extras['all'] = sorted({r for k, v in extras.items() if k not in ('dev', 'deepspeed') for r in v}) # deepspeed is built beside an installed torch

class SourceDist(sdist):
    def make_release_tree(self, base_dir, files): super().make_release_tree(base_dir, [*files, 'settings.ini'])

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], keywords=cfg['keywords'],
    long_description=(here/'README.md').read_text(encoding='utf-8'), long_description_content_type='text/markdown',
    author=cfg['author'], author_email=cfg['author_email'], license=cfg['license'].upper(), license_files=['LICENSE'],
    url=cfg['git_url'], project_urls={'Documentation': cfg['doc_host'] + cfg['doc_baseurl']},
    classifiers=[c.strip() for c in cfg['classifiers'].splitlines() if c.strip()],
    packages=find_packages(include=['gpt2pro', 'gpt2pro.*']), package_data={'gpt2pro': ['assets/**/*', 'py.typed']},
    python_requires=f">={cfg['min_python']}", install_requires=cfg['requirements'].split(), extras_require=extras,
    entry_points={'console_scripts': cfg['console_scripts'].split(), 'nbdev': [f"{cfg['lib_name']}={cfg['lib_path']}._modidx:d"]},
    cmdclass={'sdist': SourceDist}, zip_safe=False)
