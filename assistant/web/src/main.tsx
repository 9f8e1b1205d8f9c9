import "./base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { chooseFromAddress } from "./app/choices";
import { firstSpoken } from "./i18n";

chooseFromAddress(location.search);
const root = document.getElementById("root");
if (root) {
  void firstSpoken().then((speech) =>
    createRoot(root).render(
      <StrictMode>
        <App speech={speech} />
      </StrictMode>,
    ),
  );
}
