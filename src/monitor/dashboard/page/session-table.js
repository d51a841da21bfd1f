/** The table of sessions: the server sorts, filters and cuts pages, so it is the same for ten sessions and ten thousand. */
import { element, keepChildren, make, setText } from "./dom.js";
import { address, bytes, duration, exactly, milliseconds } from "./format.js";

const PAGE_SIZE = 25;
const REFRESH_TIME = 2000;
const TYPING_TIME = 250;

/** `class`: narrow pages leave some out. */
const columns = [
  { sort: "path", title: "Path", text: (row) => row.path },
  { sort: "address", title: "Address", class: "medium", text: (row) => address(row.remoteAddress) },
  { sort: "age", title: "Age", class: "number", text: (row) => duration(row.age) },
  { sort: "rtt", title: "RTT", class: "number", text: (row) => milliseconds(row.rtt) },
  { sort: "bytesReceived", title: "Received", class: "number wide", text: (row) => bytes(row.bytesReceived) },
  { sort: "bytesSent", title: "Sent", class: "number wide", text: (row) => bytes(row.bytesSent) },
  { sort: "streams", title: "Streams", class: "number medium", text: (row) => exactly(row.streams) },
  { sort: "bufferedBytes", title: "Unread", class: "number wide", text: (row) => bytes(row.bufferedBytes) },
  { sort: "state", title: "State", text: (row) => row.state },
];

export class SessionTable {
  #open;
  #sort = "age";
  #descending = false;
  #offset = 0;
  #filter = "";
  #matching = 0;
  #timer;
  #typing;
  /** Only the answer of the newest question is shown. */
  #asked = 0;

  /** `open`: shows a session, by its id. */
  constructor(open) {
    this.#open = open;
    const heads = columns.map((column) => this.#head(column));
    element("sessions").tHead.rows[0].append(...heads);
    this.#showOrder();
    element("filter").addEventListener("input", () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#setFilter(), TYPING_TIME);
    });
    element("session-tools").addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(this.#typing);
      this.#setFilter();
    });
    element("auto").addEventListener("change", () => void this.refresh());
    element("first-page").addEventListener("click", () => this.#turnTo(0));
    element("previous-page").addEventListener("click", () => this.#turnTo(this.#offset - PAGE_SIZE));
    element("next-page").addEventListener("click", () => this.#turnTo(this.#offset + PAGE_SIZE));
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) clearTimeout(this.#timer);
      else if (element("auto").checked) void this.refresh();
    });
    void this.refresh();
  }

  /** Other rows than those that are shown. */
  #change() {
    element("sessions").setAttribute("aria-busy", "true");
    void this.refresh();
  }

  async refresh() {
    clearTimeout(this.#timer);
    this.#asked += 1;
    const asked = this.#asked;
    const query = new URLSearchParams({
      sort: this.#sort,
      descending: String(this.#descending),
      offset: String(this.#offset),
      limit: String(PAGE_SIZE),
      filter: this.#filter,
    });
    const list = await fetch(`api/sessions?${query}`).then(
      (response) => (response.ok ? response.json() : undefined),
      () => undefined,
    );
    if (asked !== this.#asked) return;
    if (list !== undefined) this.#show(list);
    if (document.hidden || !element("auto").checked) return;
    this.#timer = setTimeout(() => void this.refresh(), REFRESH_TIME);
  }

  #head({ sort, title, class: name }) {
    const button = make("button", { type: "button" }, title, make("i", { "aria-hidden": "true" }));
    button.addEventListener("click", () => {
      this.#descending = this.#sort === sort && !this.#descending;
      this.#sort = sort;
      this.#offset = 0;
      this.#showOrder();
      this.#change();
    });
    return make("th", { scope: "col", class: name, data: { sort } }, button);
  }

  #showOrder() {
    for (const head of element("sessions").tHead.rows[0].cells) {
      if (head.dataset.sort !== this.#sort) head.removeAttribute("aria-sort");
      else head.setAttribute("aria-sort", this.#descending ? "descending" : "ascending");
    }
  }

  #setFilter() {
    const filter = element("filter").value.trim();
    if (filter === this.#filter) return;
    this.#filter = filter;
    this.#offset = 0;
    this.#change();
  }

  #turnTo(offset) {
    this.#offset = Math.max(0, offset);
    this.#change();
  }

  #show({ rows, matching, total }) {
    this.#matching = matching;
    if (rows.length === 0 && this.#offset > 0) {
      // Sessions have ended meanwhile: the last page that is left.
      this.#turnTo(Math.floor(Math.max(0, matching - 1) / PAGE_SIZE) * PAGE_SIZE);
      return;
    }
    keepChildren(
      element("sessions").tBodies[0],
      rows,
      ({ id }) => id,
      (row) => this.#makeRow(row),
      updateRow,
    );
    element("sessions").setAttribute("aria-busy", "false");
    const empty = element("sessions-empty");
    empty.hidden = rows.length > 0;
    setText(empty, total === 0 ? "No session is open." : "No session matches the filter.");
    const range = `${exactly(this.#offset + 1)} to ${exactly(this.#offset + rows.length)}`;
    const all = matching === total ? exactly(total) : `${exactly(matching)} that match, ${exactly(total)} in all`;
    setText(element("sessions-count"), rows.length === 0 ? `0 of ${exactly(total)}` : `${range} of ${all}`);
    this.#enable("first-page", this.#offset > 0);
    this.#enable("previous-page", this.#offset > 0);
    this.#enable("next-page", this.#offset + rows.length < this.#matching);
  }

  /** A disabled button would lose the focus, and a keyboard its place. */
  #enable(id, isEnabled) {
    const button = element(id);
    if (!isEnabled && document.activeElement === button) element("sessions-title").focus({ preventScroll: true });
    button.disabled = !isEnabled;
  }

  #makeRow({ id }) {
    const cells = columns.map(({ class: name }, index) => {
      if (index > 0 && index < columns.length - 1) return make("td", { class: name });
      return make("td", { class: name }, index > 0 ? make("span", { class: "state" }) : this.#openButton(id));
    });
    return make("tr", {}, ...cells);
  }

  #openButton(id) {
    const button = make("button", { type: "button", class: "link", "aria-haspopup": "dialog", title: id });
    button.addEventListener("click", () => this.#open(id));
    return button;
  }
}

function updateRow(element, row) {
  for (const [index, { text }] of columns.entries()) {
    const cell = element.cells[index];
    setText(cell.firstElementChild ?? cell, text(row));
  }
  element.cells[columns.length - 1].firstElementChild.dataset.state = row.state;
}
