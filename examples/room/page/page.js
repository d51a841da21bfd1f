// The page: the form, who is there, the field and the chat.
import { RoomConnection } from "./connection.js";
import { Field, hueOf } from "./field.js";
import { MAX_NAME, MAX_TEXT } from "./protocol.js";

/** @typedef {{ id: number, name: string }} Person */

const LINES_KEPT = 200;

/**
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
function element(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`The page has no ${id}`);
  return found;
}

const name = element("name", HTMLInputElement);
const room = element("room", HTMLInputElement);
const token = element("token", HTMLInputElement);
const text = element("text", HTMLInputElement);
const state = element("state", HTMLElement);
const datagrams = { sent: 0, received: 0 };
/** @type {Map<number, Person>} */
const people = new Map();

name.maxLength = MAX_NAME;
text.maxLength = MAX_TEXT;

const connection = new RoomConnection({
  onState(next, explanation) {
    state.dataset["state"] = next;
    state.textContent = explanation;
    const isIn = next === "joined";
    const isOut = next === "left" || next === "failed";
    for (const input of [name, room, token, element("join", HTMLButtonElement)]) input.disabled = !isOut;
    element("leave", HTMLButtonElement).disabled = isOut;
    for (const input of [text, element("say", HTMLButtonElement)]) input.disabled = !isIn;
    if (!isIn) empty();
    // The form that had the focus is disabled now; who is elsewhere stays there.
    else if (document.activeElement === document.body) text.focus();
    if (isOut && document.activeElement === document.body) name.focus();
  },
  onMessage(message) {
    switch (message.type) {
      case "welcome":
        for (const person of message.members) people.set(person.id, person);
        field.begin(message.you, message.members);
        note(`You are in the room ${room.value}`);
        break;
      case "joined":
        people.set(message.id, message);
        field.enter(message);
        note(`${message.name} has joined`);
        break;
      case "left":
        note(`${people.get(message.id)?.name ?? "Somebody"} has left`);
        people.delete(message.id);
        field.leave(message.id);
        break;
      case "chat":
        line("chat", message.text, message);
        break;
    }
    showPeople();
  },
  onCursors(cursors) {
    datagrams.received += 1;
    showDatagrams();
    for (const cursor of cursors) field.move(cursor);
  },
});

const field = new Field(element("field", HTMLElement), (cursor) => {
  if (!connection.point(cursor)) return;
  datagrams.sent += 1;
  showDatagrams();
});

/** Nobody is there for one who is not there. */
function empty() {
  people.clear();
  field.end();
  showPeople();
}

function showPeople() {
  const items = [...people.values()].map(({ id, name: called }) => {
    const item = document.createElement("li");
    item.style.setProperty("--hue", String(hueOf(id)));
    item.textContent = called;
    return item;
  });
  element("people", HTMLUListElement).replaceChildren(...items);
}

function showDatagrams() {
  element("datagrams", HTMLOutputElement).value = `Datagrams: ${datagrams.sent} sent, ${datagrams.received} received`;
}

/** @param {string} what */
function note(what) {
  line("note", what);
}

/**
 * @param {"chat" | "note"} kind
 * @param {string} what
 * @param {Person} [who]
 */
function line(kind, what, who) {
  const item = document.createElement("li");
  item.dataset["kind"] = kind;
  if (who !== undefined) {
    const author = document.createElement("b");
    author.style.setProperty("--hue", String(hueOf(who.id)));
    author.textContent = who.name;
    item.append(author, " ");
  }
  const content = document.createElement("span");
  content.textContent = what;
  item.append(content);
  const list = element("lines", HTMLOListElement);
  list.append(item);
  while (list.childElementCount > LINES_KEPT) list.firstElementChild?.remove();
  const view = element("log", HTMLElement);
  view.scrollTop = view.scrollHeight;
}

element("join-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  connection.join({ room: room.value, name: name.value, token: token.value.trim() });
});
element("leave", HTMLButtonElement).addEventListener("click", () => connection.leave());
element("chat-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const said = text.value.trim();
  if (said === "" || !connection.isJoined) return;
  text.value = "";
  connection.say(said).catch(() => note("Your last message may be lost"));
});
// A page that goes says so: otherwise the others see its cursor until the server's idle time-out.
window.addEventListener("pagehide", () => connection.leave());

showDatagrams();
if (!("WebTransport" in window)) {
  state.dataset["state"] = "failed";
  state.textContent = "This browser has no WebTransport";
  element("join", HTMLButtonElement).disabled = true;
}
