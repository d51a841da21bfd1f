/** What the server sends while the page is looked at: it has nothing to do while nobody looks. */
import { element, setText } from "./dom.js";

/** Milliseconds until a connection is tried again that the browser has given up. */
const RETRY_TIME = 2000;

const texts = { live: "Live", connecting: "Connecting", lost: "Reconnecting", full: "Waiting: too many pages look" };

/** `listener.fields(names)`, then `listener.update(data)` each second. */
export class LiveFeed {
  #listener;
  #source;
  #timer;
  /** Of the last point that has arrived: the server sends what is newer. */
  #after = 0;

  constructor(listener) {
    this.#listener = listener;
    document.addEventListener("visibilitychange", () => this.#look());
    window.addEventListener("pagehide", () => this.#close());
    window.addEventListener("pageshow", () => this.#look());
    this.#look();
  }

  #look() {
    if (document.hidden) this.#close();
    else if (this.#source === undefined) this.#open();
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
  }

  #open() {
    this.#close();
    const source = new EventSource(`api/events?after=${this.#after}`);
    this.#source = source;
    source.addEventListener("fields", (event) => this.#listener.fields(JSON.parse(event.data)));
    source.addEventListener("update", (event) => {
      if (event.lastEventId !== "") this.#after = Number(event.lastEventId);
      this.#show("live");
      this.#listener.update(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      this.#show("lost");
      // The browser tries again by itself after most failures, and gives up when the server refuses.
      if (source.readyState === EventSource.CLOSED) void this.#recover();
    });
  }

  async #recover() {
    const status = await fetch("api/events", { method: "HEAD" }).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 401) {
      window.location.assign("login");
      return;
    }
    this.#close();
    if (document.hidden) return;
    if (status === 200) this.#show("full");
    this.#timer = setTimeout(() => this.#open(), RETRY_TIME);
  }

  #show(state) {
    const shown = element("feed");
    shown.dataset.state = state;
    setText(shown, texts[state]);
  }
}
