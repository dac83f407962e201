// Tables whose rows stay where they are while their figures change.

const ROWS_AT_FIRST = 15;
const ROWS_MOST = 500;

class Table {
	// columns: [{ title, of(row), sort(row), number, minor, whole, wide, button, under(row) }]. `of` gives text, or { text, kind,
	// title }. What is minor is not shown on a phone, and `under` there alone: the text of another column that is in its place.
	// Of a button `of` gives { label, reason, run }: with a reason it cannot be pressed; who has not the column's `role` sees none. `key(row)` tells rows apart. `by`: the column to
	// sort by at first, by its number; `down`: the most first. `filter(row)`: the text that is searched.
	constructor(section, { columns, key, empty, caption, by = null, down = false, filter = null }) {
		Object.assign(this, { columns, key, empty, by, down, filter });
		this.rows = new Map();
		this.all = false;
		this.body = el("tbody");
		this.heads = columns.map((column, i) => this.head(column, i));
		this.note = el("p", { hidden: true });
		this.table = el("table", {}, el("caption", { class: "hidden" }, caption), el("thead", {}, el("tr", {}, ...this.heads)), this.body);
		section.append(el("div", { class: "frame", tabindex: "0", role: "region", "aria-label": caption }, this.table, this.note));
		if (filter) {
			this.search = el("input", { type: "search", placeholder: "Filter", autocomplete: "off", spellcheck: "false" });
			this.search.addEventListener("input", () => this.draw());
			section.querySelector(".head").append(el("label", { class: "end" }, el("span", { class: "hidden" }, `Filter ${caption}`), this.search));
		}
	}

	classes(column) {
		return [column.number ? "n" : "", column.minor ? "minor" : "", column.button ? "act" : "", column.whole ? "whole" : "",
			column.wide ? "wide" : ""].join(" ").trim();
	}

	head(column, i) {
		if (!column.sort)
			return el("th", { scope: "col", class: this.classes(column) }, column.button ? el("span", { class: "hidden" }, column.title) : column.title);
		const button = el("button", { type: "button" }, column.title);
		button.addEventListener("click", () => {
			this.down = this.by === i ? !this.down : Boolean(column.number);
			this.by = i;
			this.draw();
		});
		return el("th", { scope: "col", class: this.classes(column) }, button);
	}

	row(key) {
		if (!this.rows.has(key)) {
			const cells = this.columns.map((column, i) => i === 0 ? el("th", { scope: "row", class: this.classes(column) })
				: el("td", { class: this.classes(column) }));
			this.rows.set(key, { cells, line: el("tr", {}, ...cells), data: null });
		}
		return this.rows.get(key);
	}

	cell(column, cell, entry) {
		const told = column.of(entry.data);
		cell.hidden = !this.isFor(column);
		if (column.button) {
			this.button(cell, cell.hidden ? null : told, column, entry);
		} else if (column.under || (told !== null && typeof told === "object")) {
			if (!cell.firstElementChild)
				cell.append(el("span"), ...column.under ? [el("span", { class: "under" })] : []);
			cell.firstElementChild.className = told.kind ? `mark ${told.kind}` : "";
			setText(cell.firstElementChild, told.text ?? told);
			cell.title = told.title ?? "";
			if (column.under)
				setText(cell.lastElementChild, column.under(entry.data));
		} else {
			setText(cell, told ?? NONE);
			if (column.number)
				cell.classList.toggle("zero", told === "0" || told === NONE);
		}
	}

	isFor(column) {
		return !column.role || may(column.role);
	}

	button(cell, told, column, entry) {
		if (!told) {
			cell.replaceChildren();
			return;
		}
		let button = cell.firstElementChild;
		if (!button) {
			button = el("button", { type: "button", class: "small" });
			button.addEventListener("click", () => column.of(entry.data)?.run());
			cell.append(button);
		}
		setText(button, told.label);
		button.disabled = Boolean(told.reason);
		button.title = told.reason ?? "";
		button.setAttribute("aria-label", told.reason ? `${told.label} ${this.key(entry.data)} (${told.reason})` : `${told.label} ${this.key(entry.data)}`);
	}

	order(rows) {
		const sort = this.by === null ? null : this.columns[this.by].sort, turn = this.down ? -1 : 1;
		return sort ? rows.map((row) => [sort(row), row]).sort(([a], [b]) => turn *
			(typeof a === "number" || typeof b === "number" ? (a ?? -1) - (b ?? -1) : String(a).localeCompare(String(b))))
			.map(([, row]) => row) : rows;
	}

	// `note`: of what is not in the list.
	show(data, note = "") {
		this.data = data;
		this.more = note;
		this.draw();
	}

	draw() {
		if (!this.data)
			return;
		const words = (this.search?.value ?? "").toLowerCase().split(/\s+/).filter(Boolean);
		const found = words.length ? this.data.filter((row) => words.every((word) => this.filter(row).toLowerCase().includes(word))) : this.data;
		const shown = this.order(found).slice(0, this.all ? ROWS_MOST : ROWS_AT_FIRST);
		this.heads.forEach((head, i) => { head.hidden = !this.isFor(this.columns[i]); });
		this.heads.forEach((head, i) => i === this.by ? head.setAttribute("aria-sort", this.down ? "descending" : "ascending") : head.removeAttribute("aria-sort"));
		const lines = shown.map((data) => {
			const entry = this.row(this.key(data));
			entry.data = data;
			this.columns.forEach((column, i) => this.cell(column, entry.cells[i], entry));
			return entry.line;
		});
		this.place(lines);
		this.tell(found.length, shown.length);
	}

	// A row that is moved loses the focus, so none is moved that is in its place.
	place(lines) {
		lines.forEach((line, i) => {
			if (this.body.children[i] !== line)
				this.body.insertBefore(line, this.body.children[i] ?? null);
		});
		while (this.body.children.length > lines.length)
			this.body.lastElementChild.remove();
		if (this.rows.size > 2 * ROWS_MOST)
			this.rows.forEach(({ line }, key) => line.isConnected || this.rows.delete(key));
	}

	tell(found, shown) {
		const hidden = found - shown, more = [];
		if (found === 0)
			more.push(this.data.length ? "Nothing here has these words." : this.empty);
		if (hidden > 0)
			more.push(`${count(hidden)} more are not shown${this.all && this.filter ? "; the filter finds them" : ""}.`);
		if (this.more)
			more.push(this.more);
		for (const column of found > 0 ? this.columns.filter((one) => !this.isFor(one)) : [])
			more.push(`${column.title}: ${missing(column.role).replace(/^T/, "t")}.`);
		this.table.hidden = found === 0;
		this.note.hidden = more.length === 0;
		if (this.note.dataset.told === more.join(" ") + this.all)
			return;
		this.note.dataset.told = more.join(" ") + this.all;
		this.note.replaceChildren(more.join(" "));
		if (found > ROWS_AT_FIRST) {
			const button = el("button", { type: "button", class: "small" }, this.all ? "Show fewer" : "Show all");
			button.addEventListener("click", () => { this.all = !this.all; this.draw(); });
			this.note.hidden = false;
			this.note.append(button);
		}
	}

	// In the place of the rows, where there can be none.
	say(text, button = null) {
		this.data = null;
		this.table.hidden = true;
		this.body.replaceChildren();
		this.note.hidden = false;
		delete this.note.dataset.told;
		this.note.replaceChildren(plain(text), ...button ? [button] : []);
	}
}
