// Every page's modules. Each one works alone and talks to the others through events on document.
import "./csrf.js";
import "./theme.js";
import "./time.js";
import "./menu.js";
import "./dialog.js";
import "./toast.js";
import "./answers.js";
import "./copy.js";
import "./keys.js";
import "./palette.js";
import "./live.js";
import "./counts.js";
import "./bell.js";
import "./charts.js";
import "./views.js";
