import * as api from './api.js';
import { $, announce, busy, el, setText } from './dom.js';

const linked = /^#(invite|reset|verify)=([A-Za-z0-9_-]+)$/;

/**
 * takeLink is what somebody came by, taken out of the address at once: behind the # it was sent nowhere, and nobody else is to read it. Who
 * left for a provider with one comes back without it, and has it from keepLink.
 */
function takeLink() {
  const kept = sessionStorage.getItem('link') || '';
  sessionStorage.removeItem('link');
  const came = linked.exec(location.hash);
  if (came) history.replaceState(null, '', location.pathname);
  const [, kind, secret] = came || linked.exec(kept) || [];
  return kind ? { kind, secret } : null;
}

function keepLink(link) {
  if (link) sessionStorage.setItem('link', `#${link.kind}=${link.secret}`);
}

/** refusals are why a sign-in at a provider came to nothing, in the words of who was there. */
const refusals = {
  refused: 'The sign-in wasn’t finished, or took too long. Try it again, in one window.',
  not_allowed: 'You have no account here, and none of your groups gives you one. Ask an operator.',
  unreachable: 'The sign-in can’t be finished at the moment. Try it again in a minute.',
  busy: 'Too many sign-ins were begun from your network. Try it again later.',
};

/** takeRefusal is what somebody comes back with whom a provider let in and the gateway didn't. */
function takeRefusal() {
  const [, why] = /^#signin=([a-z_]+)$/.exec(location.hash) || [];
  if (!why) return '';
  history.replaceState(null, '', location.pathname);
  return refusals[why] || '';
}

/**
 * Account is who uses the page, where the gateway has accounts: it lets them in, shows who they are and for which tenant they act,
 * and lets them out. Where there are none it does nothing and is open.
 */
export class Account {
  constructor({ entered, left }) {
    this.handlers = { entered, left };
    this.me = null;
    this.link = takeLink();
    this.refusal = takeRefusal();
    $('sign-out').addEventListener('click', () => this.signOut());
    $('tenant').addEventListener('change', () => this.choose($('tenant').value));
  }

  /** begin says whether the page may go on: nobody is asked who they are at a gateway without accounts. */
  async begin() {
    for (;;) {
      try {
        const { auth } = await api.readiness();
        if (auth !== 'accounts') return true;
        await this.enter(await api.me());
        return true;
      } catch (problem) {
        if (problem.code === 'unauthenticated') {
          this.ask(this.refusal);
          return false;
        }
        announce(problem.message);
        await new Promise((again) => { setTimeout(again, 2000); });
      }
    }
  }

  /** operates says whether who uses the page may ask about the platform itself: at a gateway without accounts it may be anybody. */
  operates() { return !this.me || this.me.operator; }

  /** ownerOf is the tenant of a store, told to who looks at everybody's. */
  ownerOf({ tenant }) {
    if (!this.me?.operator || $('tenant').value) return '';
    return this.me.tenants.find((one) => one.id === tenant)?.name || tenant;
  }

  /** nowhere says whether they belong to no tenant, and so have nothing to see. */
  nowhere() { return this.me !== null && !this.me.operator && !this.me.tenants.length; }

  /** lost is called when an answer says that nobody asks any more. */
  lost() {
    if (!this.me) return;
    this.me = null;
    this.handlers.left();
    this.ask('You were signed out.');
  }

  async enter(me) {
    this.me = me;
    setText($('me-name'), me.name || me.email);
    $('me').hidden = false;
    $('gate').hidden = true;
    document.body.dataset.gate = '';
    const before = sessionStorage.getItem('tenant') || '';
    const known = me.tenants.some((tenant) => tenant.id === before);
    const choices = me.tenants.map((tenant) => el('option', { value: tenant.id, text: tenant.suspended ? `${tenant.name} (suspended)` : tenant.name }));
    if (me.operator) choices.unshift(el('option', { value: '', text: 'All stores' }));
    $('tenant').replaceChildren(...choices);
    $('tenant-choice').hidden = choices.length < 2;
    this.act(known ? before : me.operator ? '' : me.tenants[0]?.id || '');
    await this.follow();
    await this.restored();
  }

  /** restored asks an operator about those whom a backup has brought back: nobody else is let in before. What a link asks comes first. */
  async restored() {
    if (!this.me.operator || !$('account-yes').hidden) return;
    let found;
    try {
      found = await api.restored();
    } catch (problem) {
      this.tell(`Whether somebody waits whom a backup has brought back can't be told: ${problem.message}`);
      return;
    }
    if (!found.waiting) return;
    const operators = (found.operators || []).map((one) => one.email || one.name).join(', ');
    this.tell(`Restored from a backup, and waiting: accounts ${found.accounts || 0}, tenants ${found.tenants || 0}, memberships ${found.members || 0}, `
      + `API tokens ${found.tokens || 0}, operators: ${operators || 'none'}. End first what has ended since.`);
    this.yes('Let them in', async () => {
      await api.confirmRestored();
      this.tell('');
      announce('They are let in.');
    });
  }

  /** yes offers to do what was told of. */
  yes(words, act) {
    const button = $('account-yes');
    setText(button, words);
    button.hidden = false;
    button.onclick = async () => {
      try {
        await busy(button, act);
      } catch (problem) {
        this.tell(problem.message);
      }
    };
  }

  /** follow does what a link is for that takes somebody who has signed in. */
  async follow() {
    const { link } = this;
    this.link = null;
    if (!link || link.kind === 'reset') return;
    try {
      if (link.kind === 'invite' && !isOperators(link)) {
        this.askToJoin(link);
        return;
      }
      await api.verify(link.secret);
      await this.enter(await api.me());
      announce(isOperators(link) ? 'You look after the platform now.' : 'Your address is confirmed.');
    } catch (problem) {
      this.tell(problem.message);
    }
  }

  /** askToJoin asks before somebody becomes a member: whoever sent the link sees them then. */
  askToJoin(link) {
    this.tell('You are invited to join a tenant. Its people will see your name and address.');
    this.yes('Join', async () => {
      await api.takeInvite(link.secret);
      await this.enter(await api.me());
      this.again();
      announce('You have joined.');
    });
  }

  tell(text) {
    $('account-yes').hidden = true;
    setText($('account-text'), text);
    $('account-note').hidden = !text;
  }

  act(tenant) {
    sessionStorage.setItem('tenant', tenant);
    $('tenant').value = tenant;
    api.actFor(tenant);
    this.tell(this.nowhere() ? 'You belong to no tenant yet. Ask for an invite, or found one by the API: POST /tenants.' : '');
  }

  async choose(tenant) {
    this.act(tenant);
    this.again();
    await this.restored();
  }

  /** again has the page show what the tenant has for which one acts now. */
  again() {
    this.handlers.left();
    this.handlers.entered();
  }

  async signOut() {
    try {
      const { signOut } = await busy($('sign-out'), () => api.signOut());
      if (signOut) {
        sessionStorage.removeItem('tenant');
        location.assign(signOut);
        return;
      }
    } catch (problem) {
      this.tell(problem.message);
      return;
    }
    this.me = null;
    sessionStorage.removeItem('tenant');
    this.handlers.left();
    this.ask('You are signed out.');
  }

  /** ask shows the form that somebody needs who isn't signed in. */
  ask(text) {
    $('me').hidden = true;
    this.tell('');
    document.body.dataset.gate = 'closed';
    $('gate').hidden = false;
    const kind = this.link?.kind;
    if (kind === 'reset') this.form(this.resetting());
    else if (kind === 'invite') this.form(this.signingUp());
    else this.form(this.signingIn());
    setText($('gate-note'), text || '');
    this.showProviders();
  }

  /** showProviders shows where else one may sign in. Without an answer there is still the form. */
  async showProviders() {
    const providers = await api.providers().catch(() => []);
    $('gate-providers').replaceChildren(...providers.map(({ name, title }) =>
      el('a', {
        class: 'button', href: `/auth/oidc/${encodeURIComponent(name)}/start`, text: `Sign in with ${title}`, on: { click: () => keepLink(this.link) },
      })));
    $('gate-providers').hidden = !providers.length;
  }

  /** form shows one of the forms below; go answers who is signed in by it, or nothing. */
  form({ title, text, fields, yes, go, others }) {
    setText($('gate-title'), title);
    setText($('gate-text'), text || '');
    setText($('gate-note'), '');
    setText($('gate-error'), '');
    $('gate-fields').replaceChildren(...fields.map(({ name, label, type, complete, hint }) => el('div', { class: 'field' },
      el('label', { for: `gate-${name}`, text: label }),
      el('input', { id: `gate-${name}`, name, type: type || 'text', autocomplete: complete, required: true, 'aria-describedby': hint && `gate-${name}-hint` }),
      hint && el('p', { id: `gate-${name}-hint`, class: 'hint', text: hint }))));
    setText($('gate-yes'), yes);
    $('gate-others').replaceChildren(...others.map(([words, other]) => el('button', { class: 'button', type: 'button', text: words, on: { click: () => this.form(other()) } })));
    $('gate-form').onsubmit = async (event) => {
      event.preventDefault();
      setText($('gate-error'), '');
      const said = Object.fromEntries(new FormData($('gate-form')));
      try {
        const me = await busy($('gate-yes'), () => go(said));
        if (!me) return;
        $('gate-form').reset();
        await this.enter(await api.me());
        this.handlers.entered();
      } catch (problem) {
        setText($('gate-error'), problem.message);
        // What was refused isn't what somebody wants to add to.
        if (problem.code === 'sign_in_refused') {
          $('gate-password').value = '';
          $('gate-password').focus();
        }
      }
    };
    $(`gate-${fields[0].name}`).focus();
  }

  signingIn() {
    const others = [['Forgot the password?', () => this.asking()]];
    if (this.link?.kind === 'invite') others.push(['I have no account yet', () => this.signingUp()]);
    return {
      title: 'Sign in', yes: 'Sign in', others,
      text: this.link?.kind === 'verify' ? 'Then your address is confirmed.' : '',
      fields: [email(), password('current-password')],
      go: (said) => api.signIn(said),
    };
  }

  signingUp() {
    const { link } = this;
    return {
      title: 'Make an account', yes: 'Make the account',
      text: isOperators(link) ? 'With it you look after the platform.' : 'With it you take the invite.',
      fields: [{ name: 'name', label: 'Your name', complete: 'name' }, email(), password('new-password')],
      go: async (said) => {
        const me = await api.signUp({ ...said, invite: link.secret });
        // Signing up has taken it.
        this.link = null;
        return me;
      },
      others: [['I have an account', () => this.signingIn()]],
    };
  }

  asking() {
    return {
      title: 'Set another password', yes: 'Ask for a link', fields: [email()],
      go: async (said) => {
        const { by } = await api.askReset(said);
        this.form(this.signingIn());
        setText($('gate-note'), by === 'mail' ? 'If there is such an account, a link is on its way to the address.'
          : 'This gateway sends no mail: ask an operator for a link.');
      },
      others: [['Back', () => this.signingIn()]],
    };
  }

  resetting() {
    const { secret } = this.link;
    return {
      title: 'Set another password', yes: 'Set the password', fields: [password('new-password')],
      go: (said) => api.reset({ ...said, link: secret }),
      others: [['Sign in instead', () => this.signingIn()]],
    };
  }
}

/** isOperators tells a link that makes an operator from an invite to a tenant, which begins as those do. */
const isOperators = (link) => link.kind === 'invite' && !link.secret.startsWith('si_');

const email = () => ({ name: 'email', label: 'E-mail', type: 'email', complete: 'username' });
const password = (complete) => ({
  name: 'password', label: 'Password', type: 'password', complete, hint: complete === 'new-password' ? 'At least 10 characters.' : undefined,
});
