// What is nicer with a script: problems while somebody writes, and pages that stay up to date. Every page works without.
"use strict";

// --- what is wrong, while somebody writes ---------------------------------------------------------------------------

const form = document.querySelector("form[data-check]");
if (form) {
    const PAUSE = 400;
    const touched = new Set();
    let timer, request;

    const show = (field, sentences) => {
        const error = field.querySelector(".error");
        const input = field.querySelector("input, select, textarea");
        error.textContent = sentences.join(" ");
        error.hidden = sentences.length === 0;
        field.classList.toggle("is-wrong", sentences.length > 0);
        if (sentences.length > 0) input.setAttribute("aria-invalid", "true");
        else input.removeAttribute("aria-invalid");
    };

    const check = async () => {
        request?.abort();
        request = new AbortController();
        const body = new URLSearchParams(new FormData(form));
        try {
            const response = await fetch(form.dataset.check, { method: "POST", body, signal: request.signal });
            if (response.redirected) return void location.reload();
            if (!response.ok) return;
            const checked = await response.json();
            for (const field of form.querySelectorAll("[data-field]")) {
                const name = field.dataset.field;
                const sentences = checked.problems.filter(([at]) => at === name).map(([, sentence]) => sentence);
                // What nobody has come to yet is not wrong yet.
                show(field, touched.has(name) ? sentences : []);
            }
            document.getElementById("checked").textContent = checked.summary;
        } catch (error) {
            if (error.name !== "AbortError") throw error;
        }
    };

    form.addEventListener("input", (event) => {
        const field = event.target.closest("[data-field]");
        if (field) touched.add(field.dataset.field);
        clearTimeout(timer);
        timer = setTimeout(check, PAUSE);
    });

    // A second click sends nothing.
    form.addEventListener("submit", (event) => {
        if (form.dataset.sent) return event.preventDefault();
        form.dataset.sent = "true";
    });
    window.addEventListener("pageshow", () => delete form.dataset.sent);
}

// A link to a field opens the group that it stands in.
document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#p-"]');
    const input = link && document.getElementById(link.hash.slice(1));
    if (!input) return;
    event.preventDefault();
    input.closest("details.group")?.setAttribute("open", "");
    input.focus();
});

// The answer is what somebody has waited for.
document.getElementById("the-answer")?.focus();

// --- what lives -----------------------------------------------------------------------------------------------------

// Each part says after how many milliseconds it is asked for again.
const live = () => [...document.querySelectorAll("[data-live]")];
const later = () => {
    const periods = live().map((part) => Number(part.dataset.live));
    if (periods.length > 0) setTimeout(update, Math.min(...periods));
};
const update = async () => {
    if (!document.hidden) {
        try {
            const response = await fetch(location.href);
            if (response.redirected) return void location.reload();
            if (response.ok) {
                const page = new DOMParser().parseFromString(await response.text(), "text/html");
                for (const part of live()) {
                    const now = page.getElementById(part.id);
                    // Nobody loses the place that the keyboard is at.
                    if (!now || part.contains(document.activeElement) || part.isEqualNode(now)) continue;
                    part.replaceWith(document.adoptNode(now));
                }
            }
        } catch {
            // The service is away: asked again the next time.
        }
    }
    later();
};
later();
