// What is wrong with a page for people who cannot see it well, or at all: a list of sentences.
const wrong = [];
const visible = (element) => element.offsetParent !== null;
const colour = (text) => text.match(/[\d.]+/g).map(Number);
const luminance = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map((part) => ((part /= 255) <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const found = colour(getComputedStyle(at).backgroundColor);
    if (found.length === 3 || found[3] === 1) return found;
  }
  return [255, 255, 255];
};

if (document.documentElement.lang !== "en") wrong.push("the page does not say its language");
if (!document.title) wrong.push("the page has no title");
if (!document.querySelector("main h1")) wrong.push("the page has no heading");
if (document.scripts.length) wrong.push("the page has a script");
if (document.documentElement.scrollWidth > innerWidth) wrong.push(`the page is ${document.documentElement.scrollWidth} px wide`);
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  if (own && visible(element) && element.tagName !== "OPTION") {
    const [front, back] = [luminance(colour(getComputedStyle(element).color)), luminance(behind(element))];
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)}: ${element.textContent.trim().slice(0, 40)}`);
  }
  const named = element.labels?.length || element.ariaLabel || element.textContent.trim();
  if (element.matches("input:not([type=hidden]), select, textarea, button") && visible(element) && !named)
    wrong.push(`no label: ${element.outerHTML.slice(0, 80)}`);
}
return wrong;
