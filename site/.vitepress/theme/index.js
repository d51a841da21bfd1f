// Without the theme's fonts: the reader's own are good, and nothing has to be loaded.
import DefaultTheme from "vitepress/theme-without-fonts";
import "./site.css";

export { DefaultTheme as default };
