// Elements and figures. What comes from the gateway has names in it that strangers chose: it becomes text nodes, here, and never
// markup, an address or a style.

const byId = (id) => document.getElementById(id);

// What has no picture, or turns around how the text beside it reads, shows as its number.
const plain = (text) => String(text).replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
	(c) => `\\u{${c.codePointAt(0).toString(16)}}`);

// `attributes` and their names are the page's own; children are elements, or text.
function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes || {}))
		if (value !== null && value !== false)
			node.setAttribute(name, value === true ? "" : value);
	node.append(...children.filter((child) => child !== null && child !== undefined).map((child) => typeof child === "string" ? plain(child) : child));
	return node;
}
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// Only what changed is written, so that a selection and the focus stay.
function setText(node, text) {
	const told = plain(text);
	if (node.textContent !== told)
		node.textContent = told;
}

// A word of the state of something: kind is good, warn, bad or idle.
const mark = (kind, text) => el("span", { class: `mark ${kind}` }, text);

// ---- figures ----

const NONE = "\u2013";
const grouped = (n) => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");

function count(n) {
	return n === null || n === undefined || Number.isNaN(n) ? NONE : grouped(Math.round(n));
}

// Of a second: "0.4", "12", "3 400".
function perSecond(n) {
	if (n === null || n === undefined || Number.isNaN(n))
		return NONE;
	return n === 0 ? "0" : n < 0.1 ? n.toFixed(2) : n < 10 ? n.toFixed(1) : grouped(Math.round(n));
}

function percent(part, whole) {
	if (!whole || part === null)
		return NONE;
	const p = 100 * part / whole;
	return `${p === 0 || p >= 99.95 ? p.toFixed(0) : p < 0.1 ? p.toFixed(2) : p.toFixed(1)}\u202f%`;
}

// In milliseconds.
function ms(n) {
	if (n === null || n === undefined || Number.isNaN(n))
		return NONE;
	return n < 1 ? n.toFixed(2) : n < 10 ? n.toFixed(1) : grouped(Math.round(n));
}

function bytes(n) {
	if (n === null || n === undefined || Number.isNaN(n))
		return NONE;
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let unit = 0;
	for (; n >= 1024 && unit < units.length - 1; unit++)
		n /= 1024;
	return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

// "4 s", "12 min", "3 h 5 min", "2 d 4 h"
function span(seconds) {
	const s = Math.max(0, Math.round(seconds)), m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
	if (s < 60)
		return `${s} s`;
	if (m < 60)
		return `${m} min`;
	if (h < 24)
		return m % 60 ? `${h} h ${m % 60} min` : `${h} h`;
	return h % 24 ? `${d} d ${h % 24} h` : `${d} d`;
}

// Of a time as the API tells it, or nothing.
function since(text) {
	const at = Date.parse(text);
	return Number.isNaN(at) ? NONE : `${span((Date.now() - at) / 1000)} ago`;
}
function moment(text) {
	const at = new Date(text);
	return text && !Number.isNaN(at.getTime()) ? at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" }) : NONE;
}
const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
