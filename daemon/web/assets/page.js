/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page
 *
 * What the server has written is complete without this. Where it says where more is to be had, it
 * becomes a graph, a strip, a table that sorts.
 */

import { improveCommands } from './command.js';
import { element, fetchJson } from './dom.js';
import { FlameView } from './flame.js';
import { improveForms } from './form.js';
import { keepLive } from './live.js';
import { improvePeek } from './peek.js';
import { improveStrip } from './strip.js';
import { improveTables, keepTables } from './table.js';
import { Tree } from './tree.js';

async function improveFlame(place) {
  const data = await fetchJson(place.dataset.tree);
  if (!data.root || !(data.root.v > 0))
    return;
  performance.mark('flame-begin');
  place.view = new FlameView(place, new Tree(data));
  /* Once it is on the screen: what is behind the next frame. */
  requestAnimationFrame(() => setTimeout(() => performance.measure('flame', 'flame-begin')));
}

/* What the server wrote stays, with the reason why there is no more. */
async function attempt(place, improve) {
  try {
    await improve(place);
    place.dataset.state = 'ready';
  } catch (error) {
    place.dataset.state = 'failed';
    place.prepend(element('p', { class: 'warning', role: 'alert' }, `This cannot be shown: ${error.message}`));
  }
}

function improve(root) {
  improveTables(root);
  improvePeek(root);
  improveCommands(root);
  improveForms(root);
}

improve(document);
for (const part of document.querySelectorAll('[data-live]'))
  keepLive(part, (fresh, old) => {
    improve(fresh);
    keepTables(old, fresh);
  });
for (const place of document.querySelectorAll('[data-strip]'))
  attempt(place, improveStrip);
for (const place of document.querySelectorAll('[data-tree]'))
  attempt(place, improveFlame);
