// How the selected situation looks.

import { css } from "lit";

export const detailStyle = css`
  :host {
    display: block;
    height: 100%;
    overflow-y: auto;
    scrollbar-color: var(--line) transparent;
  }
  header {
    position: sticky;
    top: 0;
    z-index: 2;
    background: var(--panel);
    border-bottom: 1px solid var(--line);
    padding: 0.9rem 1rem;
  }
  .title {
    display: grid;
    grid-template-columns: auto 1fr auto;
    gap: 0.9rem;
    align-items: center;
  }
  h2 {
    margin: 0;
    font-size: 1.3rem;
    line-height: 1.2;
    overflow-wrap: anywhere;
  }
  .title haechi-symbol {
    width: 54px;
    height: 54px;
  }
  .where {
    color: var(--text);
    overflow-wrap: anywhere;
  }
  dl {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(78px, 1fr));
    gap: 0.2rem 0.75rem;
    margin: 0.8rem 0 0;
  }
  dt {
    color: var(--soft);
    font-size: 0.8rem;
  }
  dd {
    margin: 0;
    font-weight: 600;
    font-variant-numeric: tabular-nums;
  }
  header .actions {
    margin-top: 0.9rem;
  }
  button.close {
    min-height: 34px;
    width: 34px;
    padding: 0;
    font-size: 1.2rem;
    align-self: start;
  }
  section {
    padding: 1rem;
    border-bottom: 1px solid var(--line);
  }
  h3 {
    margin: 0 0 0.5rem;
    font-size: 0.95rem;
    font-weight: 600;
    color: var(--soft);
  }
  .pictures {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(170px, 1fr));
    gap: 0.6rem;
  }
  .pictures button {
    padding: 0;
    overflow: hidden;
    background: #000;
    text-align: left;
  }
  .pictures img {
    display: block;
    width: 100%;
    aspect-ratio: 16 / 9;
    object-fit: cover;
  }
  .pictures .clip {
    display: grid;
    place-items: center;
    aspect-ratio: 16 / 9;
    font-size: 2rem;
    color: #fff;
  }
  .pictures button[disabled] .clip {
    opacity: 0.4;
  }
  .pictures span {
    display: block;
    padding: 4px 8px;
    font-size: 0.8rem;
    color: var(--soft);
    background: var(--raised);
  }
  ol {
    list-style: none;
    margin: 0;
    padding: 0;
  }
  ol li {
    display: grid;
    grid-template-columns: 66px 26px 1fr;
    gap: 0.5rem;
    padding: 0.35rem 0;
    align-items: start;
  }
  ol.deeds li {
    grid-template-columns: 66px 1fr;
  }
  ol time {
    color: var(--soft);
    font-variant-numeric: tabular-nums;
    font-size: 0.88rem;
    line-height: 1.6;
  }
  ol haechi-symbol {
    width: 24px;
    height: 24px;
  }
  .facts {
    color: var(--soft);
    font-size: 0.87rem;
  }
  .notice {
    margin: 0.7rem 0 0;
    padding: 0.45rem 0.7rem;
    border-left: 4px solid var(--warn);
    background: var(--raised);
    font-size: 0.92rem;
  }
  .none {
    color: var(--soft);
    margin: 0;
  }
  dialog.picture {
    padding: 0.75rem;
    width: auto;
    max-width: min(94vw, 1280px);
  }
  dialog img,
  dialog video {
    display: block;
    max-width: 100%;
    max-height: 78vh;
    margin-bottom: 0.6rem;
  }
  dialog.picture p {
    display: flex;
    justify-content: space-between;
    align-items: center;
    gap: 1rem;
    margin: 0;
  }
`;
