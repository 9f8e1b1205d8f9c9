/** What is looked for in the catalogue; kept while the user looks at an item and comes back. */

import { create } from "zustand";
import type { ItemFilter } from "../api/client";

export const useFilter = create<ItemFilter>(() => ({}));

export const changeFilter = (change: ItemFilter) => useFilter.setState(change);
export const resetFilter = () => useFilter.setState({}, true);
