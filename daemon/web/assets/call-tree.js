/* SPDX-License-Identifier: Apache-2.0 */
/* The same tree as text that unfolds: for screen readers, and for those who copy. */

import { element } from './dom.js';
import { formatShare } from './format.js';

function line(tree, node) {
  return element('span', {}, element('span', { class: 'share' }, formatShare(node.v, tree.total)), ` ${tree.label(node)}`,
    node.f ? element('span', { class: 'soft' }, ` ${node.f}`) : null);
}

function branch(tree, node) {
  const callees = [...(node.c || [])].sort((a, b) => b.v - a.v);
  if (callees.length === 0)
    return element('li', { class: 'leaf' }, line(tree, node));
  const list = element('ul');
  const details = element('details', {}, element('summary', {}, line(tree, node)), list);
  /* What nobody looks at is not made. */
  details.addEventListener('toggle', () => {
    if (details.open && !list.firstChild) {
      list.append(...callees.map((callee) => branch(tree, callee)));
      if (callees.length === 1 && list.firstChild.firstChild.localName === 'details')
        list.firstChild.firstChild.open = true; /* nothing to choose */
    }
  });
  return element('li', {}, details);
}

export function buildCallTree(tree) {
  const list = element('ul');
  const details = element('details', { class: 'call-tree' }, element('summary', {}, 'Call tree as text'), list);
  details.addEventListener('toggle', () => {
    if (details.open && !list.firstChild) {
      list.append(branch(tree, tree.root));
      list.querySelector('details')?.setAttribute('open', '');
    }
  });
  return details;
}
