"""The page: the only package, with app.py, that imports gradio. It never imports torch.

defaults.py  the numbers the form starts with         hub_notice.py  why it starts with digits
curves.py    a run's curves, shared by every page     views.py       what the page says about a race
live.py      what one poll answers                    form.py        controls <-> RunConfig
demo.py      where people land, with pairs.py         demo*.js, .html, .css   race.js  what is said of a race
strip.py, train.py  the strip, and a file for each tab   page.py     composes them
people.py    whom a request is from                   answers.py     bad input becomes a sentence
address.py   the form in the URL                      presets.py     the paper's experiments as fillings of the form
plan.js, plan.html  command line, Python and costs    costs.py       what Start would cost
polling.py   the address that pages poll
api.py       named endpoints for scripts              look.py, look.css  colours, type and spacing
runs.py      every run, with runlist.py              runs*.js, runs.html, runs.css
benchmark.py the paper's tables, with bench.py        benchmark*.js, .html, .css
cached.py    published results, one object an app     health.py    /health, for whatever watches the app
hub_panel.py which these are, for the owner more      publishing.py sends runs   hub.js, .html, .css
compare.py   runs over each other: compared.py groups and pairs them, overlay.py draws   compare.js, .html, .css
explain.py   rules, identities.py, rates.py           explain.js, .html, .css     figure.js  figures made by the server
tabs.js      the tab and a tab's choices in the URL
page.js      polling, URL, shared state               chart.js, panel.js, strip.js  what a browser draws
"""
