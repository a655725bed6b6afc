"""The page: the only package, with app.py, that imports gradio. It never imports torch.

defaults.py  the numbers the form starts with        commands.py  a configuration as a command line
curves.py    a run's curves, shared by every page     views.py     what the page says about a race
live.py      what one poll answers                    form.py      controls <-> RunConfig
strip.py train.py      one file an always-visible strip or tab   page.py   composes them
api.py       named endpoints for scripts              look.py, look.css  colours, type and spacing
page.js      polling, URL, shared state               chart.js panel.js strip.js   what a browser draws
"""
