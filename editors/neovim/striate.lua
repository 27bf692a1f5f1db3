-- striate in Neovim, 0.7 or later: copy this file to ~/.config/nvim/plugin/.
-- Telling shapes runs model files, so nothing is run outside of the folders named here.
local trusted = vim.g.striate_trusted or { "~/code" }
local clients = {}

vim.api.nvim_create_autocmd("FileType", {
  pattern = "typescript",
  callback = function(args)
    local manifest = vim.fn.findfile("node_modules/striate/package.json", vim.fn.expand("<afile>:p:h") .. ";")
    local above = manifest:match("^(.-)/?node_modules/striate/package.json$")
    if not above then return end
    local root = vim.fn.fnamemodify(above == "" and "." or above, ":p:h")
    local below = function(folder) return vim.startswith(root .. "/", vim.fn.expand(folder) .. "/") end
    clients[root] = clients[root] or vim.lsp.start_client({
      name = "striate",
      root_dir = root,
      cmd = { "node", root .. "/node_modules/striate/bin/striate.js", "lsp" },
      -- Without a TypeScript server beside it, add typeErrors = "none": then striate shows what types find, too.
      -- vim.g.striate_hints = "all" shows every shape, not only those that types do not say.
      init_options = { trusted = #vim.tbl_filter(below, trusted) > 0, hints = vim.g.striate_hints },
    })
    vim.lsp.buf_attach_client(args.buf, clients[root])
    if vim.lsp.inlay_hint then vim.lsp.inlay_hint.enable(true, { bufnr = args.buf }) end
  end,
})
