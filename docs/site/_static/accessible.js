// What the theme leaves out for people who use a keyboard or a screen reader.
document.addEventListener("DOMContentLoaded", () => {
  const sidebar = document.querySelector(".bd-sidebar-primary");
  sidebar?.setAttribute("role", "complementary");
  sidebar?.setAttribute("aria-label", "Site");
  for (const summary of document.querySelectorAll("nav summary")) {
    const link = summary.closest("li")?.querySelector("a");
    summary.setAttribute("aria-label", "Pages below " + (link ? link.textContent.trim() : "this"));
  }
  for (const wide of document.querySelectorAll(".bd-article table, .bd-article pre")) {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0; // else it scrolls by mouse alone
  }
});

// A formula within a line that is wider than its paragraph scrolls by itself (course.css).
const scrollWideFormulas = () => {
  for (const formula of document.querySelectorAll(".bd-article mjx-container:not([display])")) {
    formula.classList.remove("wide");
    const room = formula.parentElement.closest("p, li, td, dd, blockquote, summary, figcaption");
    const drawn = formula.firstElementChild;
    formula.classList.toggle("wide", drawn && room && drawn.getBoundingClientRect().width > room.clientWidth);
  }
};
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  scrollWideFormulas();
  window.addEventListener("resize", scrollWideFormulas);
});
