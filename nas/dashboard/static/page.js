// Puts the summary of a study above Optuna Dashboard's charts, keeps it up to date, and marks studies to be read only.
"use strict";

const REFRESH_MS = 10000;
let loaded = { study: null, html: "", at: 0 };

async function summary(study) {
  if (loaded.study === study && Date.now() - loaded.at < REFRESH_MS) return loaded.html;
  const answer = await fetch(`/nas/studies/${study}/summary`);
  loaded = { study, html: answer.ok ? await answer.text() : "", at: Date.now() };
  return loaded.html;
}

async function show() {
  const study = location.pathname.match(/^\/dashboard\/studies\/(\d+)(\/|$)/)?.[1];
  if (!study) return;
  const html = await summary(study);
  document.body.toggleAttribute("data-nas-read-only", html.includes("nas-read-only"));
  const page = document.querySelector("main > div:has(> .MuiCard-root #graph-pareto-front)");
  if (!page) return;
  let section = document.getElementById("nas-summary");
  if (!section) {
    section = document.createElement("section");
    section.id = "nas-summary";
    page.append(section);
  }
  if (section.dataset.html !== html) {
    section.dataset.html = html;
    section.innerHTML = html;
  }
}

setInterval(show, 500);
