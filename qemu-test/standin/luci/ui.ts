/**
 * LuCI's `ui` and `view`. In: nodes, handlers. Out: notifications, dialogs, buttons that wait for what they began, and the
 * base of all views: load, render, and the footer that saves forms.
 */
import { append, content, dom, E } from './elements.ts';
import { makeClass, type LuciClass } from './loader.ts';
import { _ } from './text.ts';
import type { Uci } from './uci.ts';

type Handler = (...args: readonly unknown[]) => unknown;

export const ui = {
  addNotification(title: string | null, children: unknown, ...classes: readonly string[]): Node {
    const node = E('div', { class: ['alert-message', 'fade-in', ...classes].join(' '), role: 'alert' }, []);
    if (title !== null) append(node, [E('h4', {}, [title])]);
    append(node, children);
    const place = document.getElementById('maincontent');
    place?.insertBefore(node, place.firstChild);
    return node;
  },

  showModal(title: string, children: unknown): void {
    ui.hideModal();
    const dialog = E('div', { class: 'modal', role: 'dialog', 'aria-modal': 'true', 'aria-label': title }, [
      E('h4', {}, [title]),
    ]);
    append(dialog, children);
    document.body.appendChild(E('div', { id: 'modal_overlay' }, [dialog]));
  },

  hideModal(): void {
    document.getElementById('modal_overlay')?.remove();
  },

  createHandlerFn(self: unknown, handler: Handler | string, ...args: readonly unknown[]): (event: Event) => unknown {
    const run = typeof handler === 'string' ? (self as Record<string, Handler>)[handler] : handler;
    return (event) => {
      const button = event.currentTarget as HTMLButtonElement;
      button.classList.add('spinning');
      button.disabled = true;
      return Promise.resolve(run?.call(self, ...args, event)).finally(() => {
        button.classList.remove('spinning');
        button.disabled = false;
      });
    };
  },
};

interface Form {
  save(): Promise<void>;
  reset(): Promise<void>;
}

function forms(): Form[] {
  return [...document.querySelectorAll('.cbi-map')].map((node) => dom.findClassInstance(node) as Form);
}

export function viewClass(uci: Uci, mayWrite: () => boolean): LuciClass {
  const footer = (view: Record<string, unknown>): unknown[] => {
    const button = (handler: string, style: string, text: string): unknown =>
      E(
        'button',
        {
          class: `btn cbi-button ${style}`,
          click: ui.createHandlerFn(view, handler),
          disabled: mayWrite() ? null : '',
        },
        [text],
      );
    const buttons = [
      ['handleSaveApply', 'cbi-button-apply important', _('Save & Apply')],
      ['handleReset', 'cbi-button-reset', _('Reset')],
    ] as const;
    const shown = buttons.filter(([handler]) => view[handler] !== null);
    if (shown.length === 0) return [];
    return [
      E(
        'div',
        { class: 'cbi-page-actions' },
        shown.flatMap(([handler, style, text]) => [button(handler, style, text), ' ']),
      ),
    ];
  };
  return makeClass({
    load: () => undefined,
    handleSave: () => Promise.all(forms().map((form) => form.save())),
    handleReset: () => Promise.all(forms().map((form) => form.reset())),
    async handleSaveApply(this: { handleSave(): Promise<unknown> }) {
      await this.handleSave();
      await uci.apply();
    },
    async show(this: Record<string, unknown> & { load(): unknown; render(data: unknown): unknown }, place: Node) {
      content(place, await this.render(await this.load()));
      append(place, footer(this));
    },
  });
}
