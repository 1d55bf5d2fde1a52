// SPDX-License-Identifier: Apache-2.0
// Lays out each function's blocks in layers and draws the edges between them.
// Without it the page is a list of blocks with links.
"use strict";

const GAP_X = 28, GAP_Y = 42, DUMMY = 14;

// layers: nodes {id, w, h, to: [{to, kind}]} in order; the first is the entry.
// Returns placed nodes, dummies of edges over more than one layer, and edges.
function arrange(nodes) {
  const byId = new Map(nodes.map((n) => [n.id, n]));
  // Edges that lead back on the path that a walk took, turned round.
  const links = [];
  const mark = new Map();
  for (const root of nodes) {
    if (mark.has(root)) continue;
    const stack = [[root, 0]];
    mark.set(root, 1);
    while (stack.length) {
      const top = stack[stack.length - 1];
      const e = top[0].to[top[1]++];
      if (!e) {
        mark.set(top[0], 2);
        stack.pop();
        continue;
      }
      const to = byId.get(e.to);
      if (!to) continue;
      const back = mark.get(to) === 1;
      links.push({ a: back ? to : top[0], b: back ? top[0] : to, back, kind: e.kind, self: to === top[0] });
      if (!mark.has(to)) {
        mark.set(to, 1);
        stack.push([to, 0]);
      }
    }
  }
  // Longest way from an entry.
  const into = new Map(nodes.map((n) => [n, 0]));
  for (const l of links) if (!l.self) into.set(l.b, into.get(l.b) + 1);
  const ready = nodes.filter((n) => !into.get(n));
  nodes.forEach((n) => (n.layer = 0));
  for (let n; (n = ready.shift()); ) {
    for (const l of links) {
      if (l.a !== n || l.self) continue;
      l.b.layer = Math.max(l.b.layer, n.layer + 1);
      into.set(l.b, into.get(l.b) - 1);
      if (!into.get(l.b)) ready.push(l.b);
    }
  }
  const rows = [];
  const put = (n) => (rows[n.layer] = rows[n.layer] || []).push(n);
  nodes.forEach((n) => {
    n.up = [];
    n.down = [];
    put(n);
  });
  for (const l of links) {
    l.via = [l.a];
    if (l.self) continue;
    let from = l.a;
    for (let k = l.a.layer + 1; k < l.b.layer; k++) {
      const d = { w: DUMMY, h: 0, layer: k, up: [from], down: [], dummy: true };
      from.down.push(d);
      put(d);
      l.via.push(d);
      from = d;
    }
    from.down.push(l.b);
    l.b.up.push(from);
    l.via.push(l.b);
  }
  for (let k = 0; k < rows.length; k++) rows[k] = rows[k] || [];
  order(rows);
  place(rows);
  return { links, rows };
}

// order moves neighbours near each other: the mean of where they stand.
function order(rows) {
  const index = () => rows.forEach((r) => r.forEach((n, i) => (n.pos = (i + 0.5) / r.length)));
  index();
  for (let pass = 0; pass < 10; pass++) {
    const down = pass % 2 === 0;
    const seq = down ? rows : rows.slice().reverse();
    for (const r of seq) {
      for (const n of r) {
        const near = down ? n.up : n.down;
        n.want = near.length ? near.reduce((s, m) => s + m.pos, 0) / near.length : n.pos;
      }
      r.sort((a, b) => a.want - b.want);
      r.forEach((n, i) => (n.pos = (i + 0.5) / r.length));
    }
  }
}

// place gives coordinates: rows below each other, nodes under their neighbours
// as far as their order lets them.
function place(rows) {
  let y = 0;
  for (const r of rows) {
    let x = 0;
    const h = Math.max(0, ...r.map((n) => n.h));
    for (const n of r) {
      n.x = x;
      n.y = y;
      if (n.dummy) n.h = h;
      x += n.w + GAP_X;
    }
    y += h + GAP_Y;
  }
  const mid = (n) => n.x + n.w / 2;
  for (let pass = 0; pass < 8; pass++) {
    const down = pass % 2 === 0;
    const seq = down ? rows : rows.slice().reverse();
    for (const r of seq) {
      const want = r.map((n) => {
        const near = down ? n.up : n.down;
        return near.length ? near.reduce((s, m) => s + mid(m), 0) / near.length - n.w / 2 : n.x;
      });
      // From the left as far left as wanted, then the mean with the same from the right.
      const left = [], right = [];
      for (let i = 0; i < r.length; i++) {
        left[i] = i ? Math.max(want[i], left[i - 1] + r[i - 1].w + GAP_X) : want[i];
      }
      for (let i = r.length - 1; i >= 0; i--) {
        right[i] = i < r.length - 1 ? Math.min(want[i], right[i + 1] - r[i].w - GAP_X) : want[i];
      }
      r.forEach((n, i) => (n.x = (left[i] + right[i]) / 2));
    }
  }
  const least = Math.min(...rows.flat().map((n) => n.x));
  rows.flat().forEach((n) => (n.x -= least));
}

// route is an edge's path, from the bottom of a block to the top of another.
function route(l) {
  if (l.self) {
    const n = l.a, x = n.x + n.w, y = n.y;
    return `M${x},${y + n.h - 8} C${x + 26},${y + n.h} ${x + 26},${y} ${x},${y + 8}`;
  }
  // Two ways out leave apart from each other.
  const shift = l.kind === "taken" ? 12 : l.kind === "not-taken" ? -12 : 0;
  const out = l.back ? 0 : shift, end = l.back ? shift : 0;
  let d = "";
  for (let i = 0; i + 1 < l.via.length; i++) {
    const a = l.via[i], b = l.via[i + 1];
    const x1 = a.x + a.w / 2 + (i === 0 ? out : 0), y1 = a.y + a.h;
    const x2 = b.x + b.w / 2 + (i + 2 === l.via.length ? end : 0), y2 = b.y;
    const bend = Math.max(12, (y2 - y1) / 2);
    d += d ? `L${x1},${y1} ` : `M${x1},${y1} `;
    d += `C${x1},${y1 + bend} ${x2},${y2 - bend} ${x2},${y2} `;
  }
  return d.trim();
}

function drawCanvas(canvas) {
  const svgNS = "http://www.w3.org/2000/svg";
  canvas.classList.add("laid");
  const blocks = [...canvas.querySelectorAll(".block")];
  const nodes = blocks.map((el) => ({
    id: el.id, el, w: el.offsetWidth, h: el.offsetHeight,
    to: el.dataset.to.trim().split(" ").filter(Boolean).map((t) => ({ to: t.split(",")[0], kind: t.split(",")[1] })),
  }));
  const { links, rows } = arrange(nodes);
  let width = 0, height = 0;
  for (const n of nodes) {
    n.el.style.left = n.x + "px";
    n.el.style.top = n.y + "px";
  }
  for (const n of rows.flat()) {
    width = Math.max(width, n.x + n.w + 40);
    height = Math.max(height, n.y + n.h);
  }
  canvas.style.height = height + 24 + "px";
  let svg = canvas.querySelector("svg");
  if (!svg) canvas.prepend((svg = document.createElementNS(svgNS, "svg")));
  svg.setAttribute("width", width);
  svg.setAttribute("height", height + 10);
  svg.replaceChildren();
  for (const l of links) {
    const p = document.createElementNS(svgNS, "path");
    p.setAttribute("d", route(l));
    p.setAttribute("class", l.kind || "");
    svg.append(p, arrow(svgNS, l));
  }
}

// arrow is an edge's head; it points up at the end of one that leads back.
function arrow(svgNS, l) {
  const p = document.createElementNS(svgNS, "path");
  p.setAttribute("class", l.kind || "");
  let x, y, dy;
  if (l.self) {
    [x, y] = [l.a.x + l.a.w, l.a.y + 8];
    p.setAttribute("d", `M${x + 7},${y - 4} L${x},${y} L${x + 8},${y + 3}`);
    return p;
  }
  if (l.back) {
    [x, y, dy] = [l.a.x + l.a.w / 2, l.a.y + l.a.h, 7];
  } else {
    [x, y, dy] = [l.b.x + l.b.w / 2, l.b.y, -7];
  }
  p.setAttribute("d", `M${x - 4},${y + dy} L${x},${y} L${x + 4},${y + dy}`);
  return p;
}

if (typeof document !== "undefined") {
  const draw = () => document.querySelectorAll(".canvas").forEach(drawCanvas);
  let pending = false;
  const later = () => {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      draw();
    });
  };
  for (const name of ["states", "source"]) {
    document.getElementById(name).addEventListener("change", (e) => {
      document.body.classList.toggle("hide-" + name, !e.target.checked);
      later();
    });
  }
  const all = (open) => document.querySelectorAll(".block").forEach((b) => (b.open = open));
  document.getElementById("open").addEventListener("click", () => all(true));
  document.getElementById("shut").addEventListener("click", () => all(false));
  document.querySelectorAll(".block").forEach((b) => b.addEventListener("toggle", later));
  draw();
}
if (typeof module !== "undefined") module.exports = { arrange, route };
