/**
 * Model is what the page knows: stores by id, the catalog, the cluster. A store only ever moves forward: what is older
 * than the version known is dropped, so answers and feed messages may arrive in any order.
 */
export class Model {
  constructor() {
    this.stores = new Map();
    this.engines = [];
    this.versions = new Map();
    this.platform = null;
    this.selected = '';
    this.loaded = false;
    this.listProblem = '';
    this.next = '';
  }

  /** put takes a store over and says whether that changed anything. */
  put(store) {
    const known = this.stores.get(store.id);
    if (known && known.version > store.version) return false;
    this.stores.set(store.id, store);
    return true;
  }

  /** forget drops what a fresh listing no longer contains. */
  forget(keep) {
    for (const id of this.stores.keys()) {
      if (!keep.has(id) && id !== this.selected) this.stores.delete(id);
    }
  }

  /** drop forgets one that is somebody else's now. */
  drop(id) {
    this.stores.delete(id);
  }

  get(id) {
    return this.stores.get(id);
  }

  /** engine is the one on offer: what new stores are made of. */
  engine(name) {
    return this.engines.find((engine) => engine.name === name);
  }

  /** engineOf is a store's, in its own version; undefined until that is known. Stores of the oldest logs say no version. */
  engineOf(store) {
    const offered = this.engine(store.engine);
    if (offered && (!store.engineVersion || offered.version === store.engineVersion)) return offered;
    return this.versions.get(`${store.engine} ${store.engineVersion}`);
  }

  /** learn remembers a version that isn't on offer. */
  learn(engine) {
    this.versions.set(`${engine.name} ${engine.version}`, engine);
  }

  /** listed are the stores of the list; a deleted one stays only while it is open. */
  listed() {
    return [...this.stores.values()].filter((store) => store.status !== 'Deleted' || store.id === this.selected);
  }
}
