"use strict";
// Draws the frames of /live/events: a device is a dot, a server a box with its backlog as a bar, a
// decision a line between them in the shade of its exit.
const shades = ["#c9dcf5", "#93bbea", "#5a94db", "#2c68b3", "#143f77"], late = "#d2452f", none = "#9aa1ad";
const get = id => document.getElementById(id);
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name);
const colour = t => t.server < 0 || t.exit === 0 ? none
  : t.finish >= 0 && t.finish > t.deadline ? late : shades[Math.min(t.exit, shades.length) - 1];
const history = [];
let lastActing = null;

// draw shows one slot. blend goes from 0 to 1 while lines grow from devices to servers.
function draw(canvas, tasks, servers, backlogs, names, blend) {
  const c = canvas.getContext("2d"), w = canvas.width, h = canvas.height;
  c.clearRect(0, 0, w, h);
  c.font = "12px system-ui, sans-serif";
  c.textBaseline = "middle";
  const y = (i, n) => 24 + (h - 48) * (n > 1 ? i / (n - 1) : 0.5);
  const left = 70, right = w - 190;
  const top = Math.max(0.02, ...backlogs);
  tasks.forEach((t, i) => {
    const from = y(i, tasks.length);
    c.strokeStyle = c.fillStyle = colour(t);
    if (t.server >= 0 && t.server < servers.length) {
      c.lineWidth = 2;
      c.beginPath();
      c.moveTo(left, from);
      c.lineTo(left + (right - left) * blend, from + (y(t.server, servers.length) - from) * blend);
      c.stroke();
    }
    c.beginPath();
    c.arc(left, from, tasks.length > 32 ? 3 : 6, 0, 7);
    c.fill();
    if (tasks.length <= 32) {
      c.fillStyle = css("--ink");
      c.textAlign = "right";
      c.fillText((names[i] || "").slice(0, 8), left - 12, from);
    }
  });
  c.textAlign = "left";
  servers.forEach((s, i) => {
    const at = y(i, servers.length), tall = Math.min(34, (h - 48) / servers.length - 4);
    c.fillStyle = css("--line");
    c.fillRect(right, at - tall / 2, 150, tall);
    c.fillStyle = "#e0a030";
    c.fillRect(right, at - tall / 2, 150 * Math.min(1, backlogs[i] / top), tall);
    c.fillStyle = css("--ink");
    if (tall > 10) c.fillText(`${s.id}  ${(backlogs[i] * 1000).toFixed(1)} ms`, right + 6, at);
  });
}

// animate grows the lines of a frame over 60 ms.
function animate(paint) {
  const start = performance.now();
  const step = now => {
    const blend = Math.min(1, (now - start) / 60);
    paint(blend);
    if (blend < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

function drawHistory() {
  const canvas = get("history"), c = canvas.getContext("2d"), columns = 130;
  while (history.length > columns) history.shift();
  c.clearRect(0, 0, canvas.width, canvas.height);
  history.forEach((tasks, x) => tasks.forEach((t, i) => {
    const tall = canvas.height / tasks.length;
    c.fillStyle = colour(t);
    c.fillRect(x * canvas.width / columns, i * tall, canvas.width / columns - 1, Math.max(1, tall - 1));
  }));
}

function show(f) {
  if (f.kind === "twins") {
    get("side").hidden = get("compare").hidden = false;
    const names = (lastActing ? lastActing.tasks : []).map(t => t.device);
    const servers = f.servers.map((s, i) => ({ ...s, id: lastActing && lastActing.servers[i] ? lastActing.servers[i].id : "" + i }));
    animate(b => draw(get("shadow"), f.shadow, servers, f.backlog, names, b));
    const r = f.compare;
    get("shadow-version").textContent = r.shadow;
    get("verdict").textContent = r.low === 0 && r.high === 0
      ? `undecided after ${r.slots} slots`
      : `${r.verdict}: ${r.difference.toFixed(4)} reward a slot (95 % interval ${r.low.toFixed(4)} to ${r.high.toFixed(4)}, ${r.slots} slots)`;
    return;
  }
  lastActing = f;
  get("state").textContent = "live";
  get("version").textContent = f.version;
  get("slot").textContent = `${f.source || "–"} · ${f.slot}`;
  get("value").textContent = f.value.toFixed(4);
  get("fallback").textContent = f.fallback || "the policy";
  animate(b => draw(get("acting"), f.tasks, f.servers, f.servers.map(s => s.backlog), f.tasks.map(t => t.device), b));
  history.push(f.tasks);
  drawHistory();
}

const events = new EventSource("/live/events?policy=" + encodeURIComponent(document.querySelector("main").dataset.policy));
events.onmessage = e => show(JSON.parse(e.data));
events.onerror = () => { get("state").textContent = "connection lost, trying again"; };
