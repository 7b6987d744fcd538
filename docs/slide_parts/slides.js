// Deals the blocks of each sheet out to slides that they fit on, once formulas and pictures are there.
const HEIGHT = 720 - 34 - 40;
const SMALLEST = 0.4;

// A block too tall or too wide for a slide is made smaller.
function shrink(block, room) {
  for (let zoom = 1; zoom > SMALLEST; zoom -= 0.05) {
    block.style.zoom = zoom;
    const wide = [block, ...block.querySelectorAll("pre, table, mjx-container, .formula")];
    if (block.getBoundingClientRect().height <= room && wide.every((b) => b.scrollWidth <= b.clientWidth + 1 || !b.clientWidth))
      return;
  }
}

// A sentence that a formula or a list goes on belongs to what follows.
const announces = (block) => block.querySelector(":scope > p") && /[:,\w]$/.test(block.textContent.trim());

function deal(sheet) {
  const [heading, ...blocks] = sheet.children;
  const style = getComputedStyle(heading);
  const room = HEIGHT - heading.getBoundingClientRect().height - parseFloat(style.marginBottom);
  const pages = [[]];
  let used = 0;
  for (const block of blocks) {
    shrink(block, room);
    const height = block.getBoundingClientRect().height;
    const last = pages[pages.length - 1];
    if (last.length && used + height > room) {
      const kept = last.length > 1 && announces(last[last.length - 1]) ? [last.pop()] : [];
      used = kept.reduce((sum, b) => sum + b.getBoundingClientRect().height, 0);
      if (used + height > room) last.push(...kept.splice(0)), (used = 0);
      pages.push(kept);
    }
    pages[pages.length - 1].push(block);
    used += height;
  }
  return pages.map((page, number) => {
    const section = document.createElement("section");
    const title = heading.cloneNode(true);
    if (number) title.classList.add("more");
    section.append(title, ...page);
    return section;
  });
}

async function build() {
  await MathJax.startup.promise;
  await Promise.all([...document.images].map((image) => image.decode().catch(() => null)));
  const source = document.getElementById("source");
  const folded = [...source.querySelectorAll("details:not([open])")];
  for (const details of folded) details.open = true; // an answer must fit when it is shown
  const slides = document.querySelector(".slides");
  for (const sheet of [...source.children]) {
    const sections = deal(sheet);
    if (sections.length === 1 || sheet.dataset.level === "1") {
      slides.append(...sections);
    } else {
      const stack = document.createElement("section");
      stack.append(...sections);
      slides.append(stack);
    }
  }
  for (const details of folded) details.open = false;
  source.remove();
  await Reveal.initialize({
    width: 1280, height: 720, margin: 0.01, center: false, hash: true, slideNumber: "c/t",
    transition: "none", navigationMode: "linear", controlsTutorial: false, pdfSeparateFragments: false,
  });
  document.body.dataset.ready = "yes";
}
addEventListener("DOMContentLoaded", build);
