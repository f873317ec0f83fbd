// Takes the token of a mailed link out of the address bar and the history. Only this entry of the history still knows
// it, so that loading the page again, or Back, leads to the link's page and not to another one.
(() => {
  "use strict";

  const PAGE = "/resume";
  const kept = history.state && history.state.resumeLink;

  if (location.pathname.startsWith(`${PAGE}/`)) {
    history.replaceState({ resumeLink: location.pathname }, "", PAGE);
  } else if (kept) {
    location.replace(kept);
  }
})();
