// How buttons, fields and dialogs look, wherever something is asked or done.

import { css } from "lit";

export const controls = css`
  button {
    font: inherit;
    min-height: 38px;
    padding: 4px 16px;
    border-radius: 7px;
    border: 1px solid var(--line);
    background: var(--raised);
    color: var(--text);
    cursor: pointer;
  }
  button:hover {
    border-color: var(--soft);
  }
  button:focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
  button.main {
    background: var(--accent);
    border-color: var(--accent);
    color: #06201d;
    font-weight: 700;
  }
  button.grave {
    background: var(--warn);
    border-color: var(--warn);
    color: #1a0d00;
    font-weight: 700;
  }
  button[disabled] {
    background: transparent;
    color: var(--soft);
    border-color: var(--line);
    font-weight: 500;
    cursor: default;
  }
  form {
    display: grid;
    gap: 0.8rem;
  }
  label,
  fieldset {
    display: grid;
    gap: 0.25rem;
    border: 0;
    margin: 0;
    padding: 0;
    color: var(--soft);
    font-size: 0.9rem;
  }
  fieldset label {
    display: inline-flex;
    align-items: center;
    gap: 0.5rem;
    color: var(--text);
    font-size: 1rem;
    min-height: 32px;
  }
  legend {
    padding: 0;
  }
  input,
  textarea,
  select {
    font: inherit;
    font-size: 1rem;
    color: var(--text);
    background: var(--ground);
    border: 1px solid #57708a;
    border-radius: 6px;
    padding: 6px 8px;
    min-height: 38px;
  }
  input[type="radio"] {
    min-height: 0;
    width: 20px;
    height: 20px;
    margin: 0;
    accent-color: var(--accent);
  }
  textarea {
    resize: vertical;
    min-height: 64px;
  }
  .actions {
    display: flex;
    gap: 0.5rem;
    flex-wrap: wrap;
  }
  .problem {
    color: var(--bad);
    margin: 0;
  }
  dialog {
    border: 1px solid var(--line);
    background: var(--panel);
    color: var(--text);
    padding: 1rem 1.1rem;
    border-radius: 10px;
    width: min(94vw, 460px);
  }
  dialog::backdrop {
    background: rgb(0 0 0 / 75%);
  }
  dialog h3 {
    margin: 0;
    font-size: 1.15rem;
    color: var(--text);
  }
`;
