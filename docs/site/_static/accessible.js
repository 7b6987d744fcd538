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
