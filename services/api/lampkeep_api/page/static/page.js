"use strict";
// The active alerts, live: a list from the API, kept current by its stream. Names come from people, so everything is
// put on the page as text, never as HTML.

const WORDS = {
  zh: {
    other: "English", leave: "退出", token: "令牌（启动时 ready 一行中的 token）", enter: "进入",
    wrong: "令牌无效或已吊销。", forbidden: "此令牌不能查看报警。", live: "● 实时", connecting: "○ 正在连接…",
    stale: "连接已中断，下面的内容可能已过时。正在重新连接…", none: "目前没有未结束的报警。",
    over: "刚刚结束", told: "已通知", nobody: "尚未通知任何人", next: "下一步", overdue: "下一步：现在",
    owner: "处理人", occurrences: "次报警", acknowledge: "接警", resolve: "结束", late: "迟到", new: "新报警",
    pressed: "触发", homeless: "未登记的设备", resident: "住户", delivered: "已送达", failed: "未送达", waiting: "发送中", round: "第{n}轮",
    kinds: { sos: "紧急呼叫", fall: "跌倒", smoke: "烟雾", gas: "燃气", inactivity: "长时间无活动", not_up: "未起床",
      overstay: "停留过久", night_exit: "夜间外出", not_returned: "外出未归", door_left_open: "门未关",
      missed_checkin: "未报平安", system: "系统", no_cover: "无人值班", device_silent: "设备无信号",
      home_unobservable: "无法观察", low_battery: "电量低", tamper: "被拆动", visit_overdue: "探访逾期" },
    states: { pre_alarm: "预警", open: "等待接警", acknowledged: "已接警", on_the_way: "在途中", on_scene: "已到现场",
      resolved: "已结束", cancelled: "已取消" },
    roles: { grid_worker: "网格员", family: "家属", neighbour: "邻居", volunteer: "志愿者", operator: "值班员",
      supervisor: "值班长", emergency_line: "120" },
    outcomes: { helped: "已帮助", false_alarm: "误报", test: "测试", hospital: "送医", deceased: "已故", other: "其他" },
  },
  en: {
    other: "中文", leave: "Leave", token: "Token (from the ready line)", enter: "Enter",
    wrong: "The token is not known, or was revoked.", forbidden: "This token may not see alerts.", live: "● live",
    connecting: "○ connecting…", stale: "The connection is lost; what you see may be out of date. Reconnecting…",
    none: "No active alerts.", over: "Just ended", told: "Told", nobody: "Nobody has been told yet", next: "next step",
    overdue: "next step: now", owner: "Taken by", occurrences: "causes", acknowledge: "Acknowledge", resolve: "Resolve",
    late: "late", new: "New alert", pressed: "raised", homeless: "A device that is not registered",
    resident: "resident", delivered: "delivered", failed: "not delivered", waiting: "sending", round: "round {n}",
    kinds: { sos: "SOS", fall: "Fall", smoke: "Smoke", gas: "Gas", inactivity: "No activity", not_up: "Not up",
      overstay: "Overstay", night_exit: "Night exit", not_returned: "Not returned", door_left_open: "Door left open",
      missed_checkin: "Missed check-in", system: "System", no_cover: "No cover", device_silent: "Device silent",
      home_unobservable: "Unobservable", low_battery: "Low battery", tamper: "Tamper", visit_overdue: "Visit overdue" },
    states: { pre_alarm: "pre-alarm", open: "open", acknowledged: "acknowledged", on_the_way: "on the way",
      on_scene: "on scene", resolved: "resolved", cancelled: "cancelled" },
    roles: { grid_worker: "grid worker", family: "family", neighbour: "neighbour", volunteer: "volunteer",
      operator: "operator", supervisor: "supervisor", emergency_line: "120" },
    outcomes: { helped: "helped", false_alarm: "false alarm", test: "test", hospital: "hospital", deceased: "deceased",
      other: "other" },
  },
};
const RANK = { life: 0, welfare: 1, operational: 2, technical: 3 };
const CLOSED = new Set(["resolved", "cancelled"]);
const SILENT_MS = 40000; // two and a half of the stream's 15 s beats

let language = sessionStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en");
let token = sessionStorage.getItem("token") || "";
let stream = null; // the AbortController of the open stream
let lastId = "";
let clockAhead = 0; // milliseconds by which the server's clock is ahead of ours
const alerts = new Map(); // id -> {alert, detail, error, busy}
let ended = [];

const byId = (id) => document.getElementById(id);
const words = () => WORDS[language];
const word = (group, key) => words()[group][key] || key;

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) made.append(child);
  return made;
}

const serverNow = () => Date.now() + clockAhead;
const clock = (at) => new Date(at).toLocaleTimeString(language === "zh" ? "zh-CN" : "en-GB");

async function call(path, options) {
  const answer = await fetch("/api/v1" + path, {
    ...options,
    cache: "no-store",
    headers: { Authorization: "Bearer " + token, ...(options && options.headers) },
  });
  const date = Date.parse(answer.headers.get("Date") || "");
  if (!Number.isNaN(date) && Math.abs(date - serverNow()) > 1500) clockAhead = date + 500 - Date.now();
  return answer;
}

// -- what is known

function take(alert) {
  const known = alerts.get(alert.id);
  if (known && known.alert.version > alert.version) return;
  if (CLOSED.has(alert.state)) {
    if (known) ended = [alert, ...ended.filter((one) => one.id !== alert.id)].slice(0, 20);
    alerts.delete(alert.id);
    return;
  }
  if (!known) byId("news").textContent = words().new + ": " + word("kinds", alert.kind);
  alerts.set(alert.id, { ...(known || {}), alert });
  refresh(alert.id);
}

// The list object does not say who was told; one request an alert does, a little later so that bursts count once.
const waiting = new Map();
function refresh(id) {
  if (waiting.has(id)) return;
  waiting.set(id, setTimeout(async () => {
    waiting.delete(id);
    try {
      const answer = await call("/alerts/" + encodeURIComponent(id));
      const known = alerts.get(id);
      if (answer.ok && known) { known.detail = await answer.json(); paint(); }
    } catch { /* the stream notices a lost connection */ }
  }, 300));
}

async function loadAll() {
  const seen = new Set();
  let cursor = "";
  do {
    const answer = await call("/alerts?state=active&limit=200" + (cursor && "&cursor=" + encodeURIComponent(cursor)));
    if (!answer.ok) throw new Error("list " + answer.status);
    const page = await answer.json();
    for (const alert of page.items) { seen.add(alert.id); take(alert); }
    cursor = page.next || "";
  } while (cursor);
  return seen;
}

// -- the stream

async function follow() {
  const mine = new AbortController();
  stream = mine;
  let pause = 500;
  while (stream === mine) {
    let quiet = null;
    const cut = new AbortController();
    const alive = () => { clearTimeout(quiet); quiet = setTimeout(() => cut.abort(), SILENT_MS); };
    mine.signal.addEventListener("abort", () => cut.abort());
    try {
      alive();
      const answer = await call("/alerts/stream", { signal: cut.signal, headers: lastId ? { "Last-Event-ID": lastId } : {} });
      if (answer.status === 401 || answer.status === 403) { leave(answer.status === 401 ? "wrong" : "forbidden"); return; }
      if (answer.status === 422) { lastId = ""; continue; }
      if (!answer.ok) throw new Error("stream " + answer.status);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      // The stream is open, so nothing that happens from here on is missed: now read what is active already.
      const listed = loadAll();
      listed.then((seen) => {
        for (const id of alerts.keys()) if (!seen.has(id)) recheck(id);
        connected(true); pause = 500; paint();
      }).catch(() => cut.abort());
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        alive();
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) event(block);
        if (blocks.length) paint();
      }
    } catch { /* told by the banner below */ } finally { clearTimeout(quiet); }
    if (stream !== mine) return;
    connected(false);
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, 5000);
  }
}

function event(block) {
  let data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("id: ")) lastId = line.slice(4);
    if (line.startsWith("data: ")) data += line.slice(6);
  }
  if (data) take(JSON.parse(data));
}

// An alert that is on the page and not in the list of active ones was closed while we were away.
async function recheck(id) {
  try {
    const answer = await call("/alerts/" + encodeURIComponent(id));
    if (answer.ok) take(await answer.json());
    else if (answer.status === 404) alerts.delete(id);
    paint();
  } catch { /* the stream notices a lost connection */ }
}

// -- acts

async function act(id, name, body) {
  const known = alerts.get(id);
  if (!known || known.busy) return;
  known.busy = true; known.error = ""; paint();
  try {
    const answer = await call("/alerts/" + encodeURIComponent(id) + "/" + name, {
      method: "POST", body: JSON.stringify(body || {}),
      headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.getRandomValues(new Uint32Array(4)).join("-") },
    });
    const said = await answer.json();
    known.busy = false;
    if (answer.ok) take(said);
    else {
      known.error = said.owner ? words().owner + " " + said.owner.name : said.detail || said.title;
      recheck(id);
    }
  } catch (error) { known.busy = false; known.error = String(error.message || error); }
  paint();
}

// -- the page

function countdown(alert) {
  if (!alert.next_step_at) return "";
  const left = Math.ceil((Date.parse(alert.next_step_at) - serverNow()) / 1000);
  if (left <= 0) return words().overdue;
  return words().next + " " + Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0");
}

function told(detail) {
  const steps = detail ? detail.steps.filter((step) => step.started_at) : [];
  if (!steps.length) return words().nobody;
  return words().told + ": " + steps.map((step) => {
    const who = step.role.split(",").map((role) => word("roles", role)).join("+");
    const how = step.delivered_at ? words().delivered + " " + clock(step.delivered_at)
      : step.ended === "failed" ? words().failed : words().waiting;
    return who + " (" + (step.round > 1 ? words().round.replace("{n}", step.round) + ", " : "") + how + ")";
  }).join(" → ");
}

function evidence(alert) {
  const said = alert.evidence["text_" + language] || alert.evidence.text;
  return typeof said === "string" && said ? element("p", { class: "evidence" }, said) : null;
}

function where(known) {
  const { alert, detail } = known;
  if (!alert.home_id) return words().homeless;
  const people = detail ? detail.residents.map((one) => (one.name || words().resident)
    + (one.age === null ? "" : " " + one.age)) : [];
  const address = detail && detail.home && detail.home.address;
  return [alert.home_id, people.join("、"), address].filter(Boolean).join(" · ");
}

function card(id, known) {
  const { alert, detail, error, busy } = known;
  const mayAcknowledge = alert.state === "open" || alert.state === "pre_alarm";
  const outcome = element("select", { "aria-label": words().resolve },
    Object.entries(words().outcomes).map(([value, label]) => element("option", { value }, label)));
  outcome.value = known.outcome || "helped";
  outcome.addEventListener("change", () => { known.outcome = outcome.value; });
  return element("li", { class: [alert.priority, alert.owner ? "taken" : ""].join(" "), "data-id": id },
    element("h2", {},
      word("kinds", alert.kind),
      element("span", { class: "state" }, word("states", alert.state)),
      alert.late ? element("span", { class: "state" }, words().late) : null,
      element("span", { class: "count", "data-count": id }, countdown(alert))),
    element("p", { class: "where" }, where(known)),
    element("p", { class: "where" }, words().pressed + " " + clock(alert.pressed_at || alert.opened_at)
      + (alert.occurrence_count > 1 ? " · " + alert.occurrence_count + " " + words().occurrences : "")
      + (alert.owner ? " · " + words().owner + " " + alert.owner.name : "")),
    evidence(alert),
    element("p", { class: "told" }, told(detail)),
    element("div", { class: "acts" },
      mayAcknowledge ? element("button", { type: "button", class: "first", disabled: busy, "data-act": "acknowledge",
        onclick: () => act(id, "acknowledge") }, words().acknowledge) : null,
      outcome,
      element("button", { type: "button", disabled: busy, "data-act": "resolve",
        onclick: () => act(id, "resolve", { outcome: outcome.value }) }, words().resolve)),
    error ? element("p", { class: "error", role: "alert" }, error) : null);
}

function paint() {
  // A person may be choosing an outcome or standing on a button: keep the focus where it is.
  const focus = document.activeElement;
  const focused = focus && focus.closest && focus.closest("li[data-id]");
  if (focus && focus.tagName === "SELECT" && focused && alerts.has(focused.dataset.id)) { later(); return; }
  const order = [...alerts.entries()].sort(([, a], [, b]) =>
    RANK[a.alert.priority] - RANK[b.alert.priority] || Date.parse(b.alert.opened_at) - Date.parse(a.alert.opened_at));
  byId("alerts").replaceChildren(...order.map(([id, known]) => card(id, known)));
  if (focused) {
    const kept = document.querySelector('li[data-id="' + CSS.escape(focused.dataset.id) + '"] [data-act="' + (focus.dataset.act || "") + '"]');
    if (kept) kept.focus();
  }
  byId("count").textContent = alerts.size ? "(" + alerts.size + ")" : "";
  document.title = (alerts.size ? "(" + alerts.size + ") " : "") + "Lampkeep";
  byId("none").hidden = alerts.size > 0 || !token;
  byId("over").hidden = ended.length === 0;
  byId("ended").replaceChildren(...ended.map((one) => element("li", {},
    clock(one.closed_at) + " · " + word("kinds", one.kind) + " · " + (one.home_id || words().homeless) + " · " + word("states", one.state))));
}

let put_off = null;
function later() {
  clearTimeout(put_off);
  put_off = setTimeout(paint, 1000);
}

function label() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  byId("language").textContent = words().other;
  byId("leave").textContent = words().leave;
  byId("token-label").textContent = words().token;
  byId("enter-button").textContent = words().enter;
  byId("none").textContent = words().none;
  byId("over-title").textContent = words().over;
  byId("stale").textContent = words().stale;
}

let isConnected = false;
function connected(now) {
  isConnected = now;
  byId("link").textContent = now ? words().live : words().connecting;
  byId("stale").hidden = now || !token;
}

function leave(reason) {
  token = ""; lastId = "";
  sessionStorage.removeItem("token");
  const open = stream;
  stream = null;
  if (open) open.abort();
  alerts.clear(); ended = [];
  byId("link").textContent = "";
  byId("stale").hidden = true;
  byId("leave").hidden = true;
  byId("enter").hidden = false;
  byId("enter-error").textContent = reason ? words()[reason] : "";
  paint();
}

function enter() {
  sessionStorage.setItem("token", token);
  byId("enter").hidden = true;
  byId("leave").hidden = false;
  byId("link").textContent = words().connecting;
  follow();
}

function start() {
  // A link may carry the token behind the #, which no server sees; it does not stay in the address.
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) { token = given; history.replaceState(null, "", location.pathname); }
  byId("language").addEventListener("click", () => {
    language = language === "zh" ? "en" : "zh";
    sessionStorage.setItem("language", language);
    label(); connected(isConnected); paint();
  });
  byId("leave").addEventListener("click", () => leave());
  byId("enter").addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    token = byId("token").value.trim();
    byId("token").value = "";
    if (token) enter();
  });
  setInterval(() => {
    for (const shown of document.querySelectorAll("[data-count]")) {
      const known = alerts.get(shown.dataset.count);
      if (known) shown.textContent = countdown(known.alert);
    }
  }, 500);
  label();
  if (token) enter(); else { byId("enter").hidden = false; byId("token").focus(); }
}

start();
