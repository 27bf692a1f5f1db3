-- What a user does in Neovim, step by step; the test reads what came of it from the file named by STRIATE_RESULTS.
local results = { version = vim.version().minor }
local save = function() vim.fn.writefile({ vim.fn.json_encode(results) }, vim.env.STRIATE_RESULTS) end
local wait = function(what, ready)
  if vim.wait(30000, ready, 50) then return end
  results.failed = what
  save()
  vim.cmd("cquit")
end
local line = function(pattern) return vim.fn.search(pattern, "nw") end
local messages = function() return vim.tbl_map(function(d) return d.message end, vim.diagnostic.get(0)) end

wait("the server attaches", function() return #vim.lsp.buf_get_clients(0) > 0 end)
wait("a diagnostic comes", function() return #vim.diagnostic.get(0) > 0 end)
local found = vim.diagnostic.get(0)[1]
results.diagnostics = messages()
results.place = { line = found.lnum + 1, column = found.col + 1 }

-- Hover opens a floating window, as K does.
vim.fn.cursor(line("conv2d(input"), 1)
vim.fn.search("conv2d")
local floating = function()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= "" then return window end
  end
end
vim.lsp.buf.hover()
wait("hover opens a window", floating)
results.hover = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(floating()), 0, -1, false)
vim.api.nvim_win_close(floating(), true)

-- The quick fix at the mistake, chosen from the list that the editor shows.
vim.ui.select = function(items, options, choose)
  results.actions = vim.tbl_map(options.format_item, items)
  choose(items[1], 1)
end
vim.fn.cursor(found.lnum + 1, found.col + 1)
vim.lsp.buf.code_action()
local fixed = function() return line("inFeatures: features") == 0 end
wait("the quick fix changes the text", fixed)
results.line = vim.trim(vim.fn.getline(found.lnum + 1))
wait("the diagnostic goes", function() return #vim.diagnostic.get(0) == 0 end)

if vim.lsp.inlay_hint then
  local hints = function()
    return vim.tbl_map(function(hint) return hint.inlay_hint.label end, vim.lsp.inlay_hint.get({ bufnr = 0 }))
  end
  wait("hints come", function() return #vim.tbl_filter(function(label) return label:find("10]", 1, true) end, hints()) > 0 end)
  results.hints = hints()
end
save()
vim.cmd("qall!")
