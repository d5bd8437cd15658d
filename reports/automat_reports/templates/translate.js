"use strict";
// English text and the values of its {names} to what is shown; the page holds the translations it needs.
const words = JSON.parse(document.getElementById("words").textContent);
const t = (text, values = {}) => (words[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
