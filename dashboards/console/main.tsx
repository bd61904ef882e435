// Where the console starts.
// In: the page's #root. Out: the running console.
// Bounds: styles come first, so that nothing is drawn without them.
import "./mantine.css";
import "./theme.css";
import { RouterProvider } from "@tanstack/react-router";
import { createRoot } from "react-dom/client";
import { ROUTER } from "./router.tsx";

const element = document.getElementById("root");
if (element !== null) createRoot(element).render(<RouterProvider router={ROUTER} />);
