/* SPDX-License-Identifier: Apache-2.0 */
/* Copies the command that shows the same in a terminal. */

import { button, element } from './dom.js';

const SAID_MS = 2000;

async function copy(text, from) {
  try {
    await navigator.clipboard.writeText(text);
    return 'Copied';
  } catch (error) {
    /* Not allowed, as on plain HTTP: select it, so that one key is enough. */
    getSelection().selectAllChildren(from);
    return 'Selected: press Ctrl+C';
  }
}

export function improveCommands(root) {
  for (const code of root.querySelectorAll('code')) {
    if (!code.textContent.startsWith('profilerctl '))
      continue;
    code.classList.add('command');
    const said = element('span', { role: 'status', class: 'soft small' });
    code.after(' ', button('Copy', async () => {
      said.textContent = await copy(code.textContent.trim(), code);
      setTimeout(() => { said.textContent = ''; }, SAID_MS);
    }, { class: 'copy', 'aria-label': 'Copy the command' }), ' ', said);
  }
}
