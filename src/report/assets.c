/* The scripts, the style and the licences of the page, as bytes of the program.
 * The assembler takes the files in; CMakeLists.txt says where they are. */
#include "report/report.h"

#define ASSET(name, path)                                                                                              \
    extern const char hs_asset_##name[] __attribute__((visibility("hidden"))),                                         \
        hs_asset_##name##_end[] __attribute__((visibility("hidden")));                                                 \
    __asm__(".pushsection .rodata\n"                                                                                   \
            ".global hs_asset_" #name "\n.hidden hs_asset_" #name "\nhs_asset_" #name ":\n.incbin \"" path "\"\n"      \
            ".global hs_asset_" #name "_end\n.hidden hs_asset_" #name "_end\nhs_asset_" #name "_end:\n.byte 0\n"       \
            ".popsection\n")

ASSET(vega, HS_VEGA_SCRIPTS "/vega.min.js");
ASSET(vega_lite, HS_VEGA_SCRIPTS "/vega-lite.min.js");
ASSET(interpreter, HS_VEGA_SCRIPTS "/vega-interpreter.js");
ASSET(licences, HS_VEGA_SCRIPTS "/LICENSE");
ASSET(script, HS_REPORT_FILES "/page.js");
ASSET(style, HS_REPORT_FILES "/page.css");

struct hs_assets hs_report_assets(void) {
    return (struct hs_assets){
        .vega = {hs_asset_vega, hs_asset_vega_end},
        .vega_lite = {hs_asset_vega_lite, hs_asset_vega_lite_end},
        .interpreter = {hs_asset_interpreter, hs_asset_interpreter_end},
        .script = {hs_asset_script, hs_asset_script_end},
        .style = {hs_asset_style, hs_asset_style_end},
        .licences = {hs_asset_licences, hs_asset_licences_end},
    };
}
