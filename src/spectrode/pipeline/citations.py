"""The papers behind the steps, by key; results list those of the steps that were run."""

from __future__ import annotations

__all__ = ["CITATIONS"]

CITATIONS: dict[str, str] = {
    "ASTM_E1840": (
        "ASTM E1840, Standard guide for Raman shift standards for spectrometer calibration. ASTM International. "
        "doi:10.1520/E1840"
    ),
    "Baek2015": (
        "Baek, S.-J.; Park, A.; Ahn, Y.-J.; Choo, J. Baseline correction using asymmetrically reweighted penalized "
        "least squares smoothing. Analyst 2015, 140, 250-257. doi:10.1039/C4AN01061B"
    ),
    "BroDeJong1997": (
        "Bro, R.; de Jong, S. A fast non-negativity-constrained least squares algorithm. J. Chemom. 1997, 11, 393-401."
    ),
    "CichockiPhan2009": (
        "Cichocki, A.; Phan, A.-H. Fast local algorithms for large scale nonnegative matrix and tensor "
        "factorizations. IEICE Trans. Fundam. 2009, E92-A, 708-721. doi:10.1587/transfun.E92.A.708"
    ),
    "Ciddor1996": (
        "Ciddor, P. E. Refractive index of air: new equations for the visible and near infrared. Appl. Opt. 1996, "
        "35, 1566-1573. doi:10.1364/AO.35.001566"
    ),
    "Cobas2006": (
        "Cobas, J. C.; Bernstein, M. A.; Martín-Pastor, M.; García Tahoces, P. A new general-purpose fully "
        "automatic baseline-correction procedure for 1D and 2D NMR data. J. Magn. Reson. 2006, 183, 145-151. "
        "doi:10.1016/j.jmr.2006.07.013"
    ),
    "CocaLopez2024": (
        "Coca-Lopez, N. An intuitive approach for spike removal in Raman spectra based on peaks' prominence and "
        "width. Anal. Chim. Acta 2024, 1295, 342312. doi:10.1016/j.aca.2024.342312"
    ),
    "Dai2018": (
        "Dai, L. et al. An automated baseline correction method based on iterative morphological operations. Appl. "
        "Spectrosc. 2018, 72, 731-739."
    ),
    "EfronMorris1973": (
        "Efron, B.; Morris, C. Stein's estimation rule and its competitors: an empirical Bayes approach. J. Am. Stat. "
        "Assoc. 1973, 68, 117-130."
    ),
    "Eilers1996": (
        "Eilers, P. H. C.; Marx, B. D. Flexible smoothing with B-splines and penalties. Stat. Sci. 1996, 11, "
        "89-121. doi:10.1214/ss/1038425655"
    ),
    "Eilers2003": ("Eilers, P. H. C. A perfect smoother. Anal. Chem. 2003, 75, 3631-3636. doi:10.1021/ac034173t"),
    "Eilers2005": (
        "Eilers, P. H. C.; Boelens, H. F. M. Baseline correction with asymmetric least squares smoothing. Leiden "
        "University Medical Centre report, 2005."
    ),
    "Frasso2015": (
        "Frasso, G.; Eilers, P. H. C. L- and V-curves for optimal smoothing. Stat. Model. 2015, 15, 91-111. "
        "doi:10.1177/1471082X14549288"
    ),
    "Han2018": (
        "Han, Q. et al. Iterative reweighted quantile regression using augmented Lagrangian optimization for "
        "baseline correction. 5th International Conference on Information Science and Control Engineering 2018, "
        "280-284."
    ),
    "He2014": (
        "He, S. et al. Baseline correction for Raman spectra using an improved asymmetric least squares method. "
        "Anal. Methods 2014, 6, 4402-4407. doi:10.1039/C4AY00068D"
    ),
    "Heng2018": (
        "Heng, Z. et al. Baseline correction for Raman spectra based on locally symmetric reweighted penalized least "
        "squares. Chin. J. Lasers 2018, 45, 1211001."
    ),
    "Hogbom1974": (
        "Högbom, J. A. Aperture synthesis with a non-regular distribution of interferometer baselines. Astron. "
        "Astrophys. Suppl. 1974, 15, 417-426."
    ),
    "Jaumot2005": (
        "Jaumot, J.; Gargallo, R.; de Juan, A.; Tauler, R. A graphical user-friendly interface for MCR-ALS: a new "
        "tool for multivariate curve resolution in MATLAB. Chemom. Intell. Lab. Syst. 2005, 76, 101-110. "
        "doi:10.1016/j.chemolab.2004.12.007"
    ),
    "Kneen1996": (
        "Kneen, M. A.; Annegarn, H. J. Algorithm for fitting XRF, SEM and PIXE X-ray spectra backgrounds. Nucl. "
        "Instrum. Methods Phys. Res. B 1996, 109-110, 209-213. doi:10.1016/0168-583X(95)00908-6"
    ),
    "Korepanov2020": (
        "Korepanov, V. I. Asymmetric least-squares baseline algorithm with peak screening for automatic processing "
        "of the Raman spectra. J. Raman Spectrosc. 2020, 51, 2061-2065. doi:10.1002/jrs.5952"
    ),
    "HongShengDobriban2020": (
        "Hong, D.; Sheng, Y.; Dobriban, E. Selecting the number of components in PCA via random signflips. "
        "arXiv:2012.02985 (2020)"
    ),
    "KimPark2011": (
        "Kim, J.; Park, H. Fast nonnegative matrix factorization: an active-set-like method and comparisons. SIAM J. "
        "Sci. Comput. 2011, 33, 3261-3281. doi:10.1137/110821172"
    ),
    "Lam2010": (
        "Lam, H.; Deutsch, E. W.; Aebersold, R. Artificial decoy spectral libraries for false discovery rate "
        "estimation in spectral library searching in proteomics. J. Proteome Res. 2010, 9, 605-610. "
        "doi:10.1021/pr900947u"
    ),
    "LeeSeung1999": (
        "Lee, D. D.; Seung, H. S. Learning the parts of objects by non-negative matrix factorization. Nature 1999, "
        "401, 788-791. doi:10.1038/44565"
    ),
    "Lieber2003": (
        "Lieber, C. A.; Mahadevan-Jansen, A. Automated method for subtraction of fluorescence from biological Raman "
        "spectra. Appl. Spectrosc. 2003, 57, 1363-1367. doi:10.1366/000370203322554518"
    ),
    "Malinowski1977": (
        "Malinowski, E. R. Determination of the number of factors and the experimental error in a data matrix. Anal. "
        "Chem. 1977, 49, 612-617. doi:10.1021/ac50012a027"
    ),
    "Morhac2008": (
        "Morháč, M.; Matoušek, V. Peak clipping algorithms for background estimation in spectroscopic data. Appl. "
        "Spectrosc. 2008, 62, 91-106. doi:10.1366/000370208783412762"
    ),
    "OllerMoreno2014": (
        "Oller-Moreno, S. et al. Adaptive asymmetric least squares baseline estimation for analytical instruments. "
        "11th International Multi-Conference on Systems, Signals and Devices 2014. doi:10.1109/SSD.2014.6808837"
    ),
    "PerezPueyo2010": (
        "Perez-Pueyo, R.; Soneira, M. J.; Ruiz-Moreno, S. Morphology-based automated baseline removal for Raman "
        "spectra of artistic pigments. Appl. Spectrosc. 2010, 64, 595-600. doi:10.1366/000370210791414281"
    ),
    "Ryan1988": (
        "Ryan, C. G. et al. SNIP, a statistics-sensitive background treatment for the quantitative analysis of PIXE "
        "spectra in geoscience applications. Nucl. Instrum. Methods Phys. Res. B 1988, 34, 396-402. "
        "doi:10.1016/0168-583X(88)90063-8"
    ),
    "Savitzky1964": (
        "Savitzky, A.; Golay, M. J. E. Smoothing and differentiation of data by simplified least squares "
        "procedures. Anal. Chem. 1964, 36, 1627-1639. doi:10.1021/ac60214a047"
    ),
    "Schulze2014": (
        "Schulze, H. G.; Turner, R. F. B. A two-dimensionally coincident second difference cosmic ray spike removal "
        "method for the fully automated processing of Raman spectra. Appl. Spectrosc. 2014, 68, 185-191. "
        "doi:10.1366/13-07216"
    ),
    "Tauler1995": (
        "Tauler, R. Multivariate curve resolution applied to second order data. Chemom. Intell. Lab. Syst. 1995, "
        "30, 133-146. doi:10.1016/0169-7439(95)00047-X"
    ),
    "Wahba1983": (
        "Wahba, G. Bayesian 'confidence intervals' for the cross-validated smoothing spline. J. R. Stat. Soc. B 1983, "
        "45, 133-150."
    ),
    "Whitaker2018": (
        "Whitaker, D. A.; Hayes, K. A simple algorithm for despiking Raman spectra. Chemom. Intell. Lab. Syst. "
        "2018, 179, 82-84. doi:10.1016/j.chemolab.2018.06.009"
    ),
    "WindigGuilment1991": (
        "Windig, W.; Guilment, J. Interactive self-modeling mixture analysis. Anal. Chem. 1991, 63, 1425-1432. "
        "doi:10.1021/ac00014a016"
    ),
    "Xu2019": (
        "Xu, D.; Liu, S.; Cai, Y.; Yang, C. Baseline correction method based on doubly reweighted penalized least "
        "squares. Appl. Opt. 2019, 58, 3913-3920. doi:10.1364/AO.58.003913"
    ),
    "Ye2020": (
        "Ye, J. et al. Baseline correction method based on improved asymmetrically reweighted penalized least "
        "squares for the Raman spectrum. Appl. Opt. 2020, 59, 10933-10943. doi:10.1364/AO.404863"
    ),
    "Zhang2010": (
        "Zhang, Z.-M.; Chen, S.; Liang, Y.-Z. Baseline correction using adaptive iteratively reweighted penalized "
        "least squares. Analyst 2010, 135, 1138-1146. doi:10.1039/B922045C"
    ),
    "Zhang2020": (
        "Zhang, F. et al. Baseline correction for infrared spectra using adaptive smoothness parameter penalized "
        "least squares method. Spectrosc. Lett. 2020, 53, 222-233. doi:10.1080/00387010.2020.1730908"
    ),
    "Zhao2007": (
        "Zhao, J.; Lui, H.; McLean, D. I.; Zeng, H. Automated autofluorescence background subtraction algorithm for "
        "biomedical Raman spectroscopy. Appl. Spectrosc. 2007, 61, 1225-1232. doi:10.1366/000370207782597003"
    ),
    "BroSidiropoulos1998": (
        "Bro, R.; Sidiropoulos, N. D. Least squares algorithms under unimodality and non-negativity constraints. "
        "J. Chemom. 1998, 12, 223-247."
    ),
    "deJuan2000": (
        "de Juan, A.; Maeder, M.; Martínez, M.; Tauler, R. Combining hard- and soft-modelling to solve kinetic "
        "problems. Chemom. Intell. Lab. Syst. 2000, 54, 123-141."
    ),
    "GolubPereyra2003": (
        "Golub, G.; Pereyra, V. Separable nonlinear least squares: the variable projection method and its "
        "applications. Inverse Probl. 2003, 19, R1-R26."
    ),
    "HeinzChang2001": (
        "Heinz, D. C.; Chang, C.-I. Fully constrained least squares linear spectral mixture analysis method for "
        "material quantification in hyperspectral imagery. IEEE Trans. Geosci. Remote Sens. 2001, 39, 529-545."
    ),
    "KeenanKotula2004": (
        "Keenan, M. R.; Kotula, P. G. Accounting for Poisson noise in the multivariate analysis of ToF-SIMS spectrum "
        "images. Surf. Interface Anal. 2004, 36, 203-212."
    ),
    "MaederZuberbuhler1990": (
        "Maeder, M.; Zuberbühler, A. D. Nonlinear least-squares fitting of multivariate absorption data. Anal. Chem. "
        "1990, 62, 2220-2224."
    ),
    "Stout2008": (
        "Stout, Q. F. Unimodal regression via prefix isotonic regression. Comput. Stat. Data Anal. 2008, 53, 289-297."
    ),
    "Cao2007": (
        "Cao, A. et al. A robust method for automated background subtraction of tissue fluorescence. J. Raman "
        "Spectrosc. 2007, 38, 1199-1205."
    ),
    "Chen2018": (
        "Chen, L. et al. Collaborative penalized least squares for background correction of multiple Raman spectra. "
        "J. Anal. Methods Chem. 2018, 2018."
    ),
    "Chen2019": (
        "Chen, H. et al. An adaptive and fully automated baseline correction method for Raman spectroscopy based on "
        "morphological operations and mollifications. Appl. Spectrosc. 2019, 73, 284-293."
    ),
    "Dietrich1991": (
        "Dietrich, W. et al. Fast and precise automatic baseline correction of one- and two-dimensional NMR "
        "spectra. J. Magn. Reson. 1991, 91, 1-11."
    ),
    "Eilers2010": (
        "Eilers, P. H. C.; Marx, B. D. Splines, knots, and penalties. Wiley Interdiscip. Rev. Comput. Stat. 2010, "
        "2, 637-653."
    ),
    "Friedrichs1995": (
        "Friedrichs, M. S. A model-free algorithm for the removal of baseline artifacts. J. Biomol. NMR 1995, 5, "
        "147-153."
    ),
    "Golotvin2000": (
        "Golotvin, S. et al. Improved baseline recognition and modeling of FT NMR spectra. J. Magn. Reson. 2000, "
        "146, 122-125."
    ),
    "GonzalezVidal2017": (
        "Gonzalez-Vidal, J. et al. Automatic morphology-based cubic p-spline fitting methodology for smoothing and "
        "baseline-removal of Raman spectra. J. Raman Spectrosc. 2017, 48, 878-883."
    ),
    "Johnsen2013": (
        "Johnsen, L. et al. An automated method for baseline correction, peak finding and peak grouping in "
        "chromatographic data. Analyst 2013, 138, 3502-3511."
    ),
    "Koch2017": (
        "Koch, M. et al. Iterative morphological and mollifier-based baseline correction for Raman spectra. J. "
        "Raman Spectrosc. 2017, 48, 336-342."
    ),
    "Komsta2011": (
        "Komsta, Ł. Comparison of several methods of chromatographic baseline removal with a new approach based on "
        "quantile regression. Chromatographia 2011, 73, 721-731."
    ),
    "Krishna2012": (
        "Krishna, H. et al. Range-independent background subtraction algorithm for recovery of Raman spectra of "
        "biological tissue. J. Raman Spectrosc. 2012, 43, 1884-1894."
    ),
    "Li2013": (
        "Li, Z. et al. Morphological weighted penalized least squares for background correction. Analyst 2013, 138, "
        "4483-4492."
    ),
    "Liland2011": ("Liland, K. H. et al. Customized baseline correction. Chemom. Intell. Lab. Syst. 2011, 109, 51-56."),
    "Liland2015": (
        "Liland, K. H. 4S Peak Filling - baseline estimation by iterative mean suppression. MethodsX 2015, 2, 135-140."
    ),
    "Liu2015": (
        "Liu, J. et al. Goldindec: a novel algorithm for Raman spectrum baseline correction. Appl. Spectrosc. 2015, "
        "69, 834-842."
    ),
    "Liu2015b": (
        "Liu, H. et al. Joint baseline-correction and denoising for Raman spectra. Appl. Spectrosc. 2015, 69, "
        "1013-1022."
    ),
    "Liu2015c": (
        "Liu, Y. J. et al. A concise iterative method with Bezier technique for baseline construction. Analyst "
        "2015, 140, 7984-7996."
    ),
    "Mazet2005": (
        "Mazet, V. et al. Background removal from spectra by designing and minimising a non-quadratic cost "
        "function. Chemom. Intell. Lab. Syst. 2005, 76, 121-133."
    ),
    "NavarroHuerta2017": (
        "Navarro-Huerta, J. A. et al. Assisted baseline subtraction in complex chromatograms using the BEADS "
        "algorithm. J. Chromatogr. A 2017, 1507, 1-10."
    ),
    "Ning2014": (
        "Ning, X. et al. Chromatogram baseline estimation and denoising using sparsity (BEADS). Chemom. Intell. "
        "Lab. Syst. 2014, 139, 156-167."
    ),
    "Ruckstuhl2001": (
        "Ruckstuhl, A. F. et al. Baseline subtraction using robust local regression estimation. J. Quant. "
        "Spectrosc. Radiat. Transfer 2001, 68, 179-193."
    ),
    "Schulze2012": (
        "Schulze, H. G. et al. A small-window moving average-based fully automated baseline estimation method for "
        "Raman spectra. Appl. Spectrosc. 2012, 66, 757-764."
    ),
    "Wang2013": (
        "Wang, K. C. et al. Distribution-based classification method for baseline correction of metabolomic 1D "
        "proton nuclear magnetic resonance spectra. Anal. Chem. 2013, 85, 1231-1239."
    ),
    "Wang2017": (
        "Wang, T. et al. Background subtraction of Raman spectra based on iterative polynomial smoothing. Appl. "
        "Spectrosc. 2017, 71, 1169-1179."
    ),
    "Wang2022": (
        "Wang, Q. et al. Spectral baseline estimation using penalized least squares with weights derived from the "
        "Bayesian method. Nucl. Sci. Tech. 2022."
    ),
    "Yaroshchyk2014": (
        "Yaroshchyk, P. et al. Automatic correction of continuum background in laser-induced breakdown spectroscopy "
        "using a model-free algorithm. Spectrochim. Acta B 2014, 99, 138-149."
    ),
    "Zhang2020b": (
        "Zhang, F. et al. An automatic baseline correction method based on the penalized least squares method. "
        "Sensors 2020, 20, 2015."
    ),
    "deRooi2012": (
        "de Rooi, J.; Eilers, P. H. C. Mixture models for baseline estimation. Chemom. Intell. Lab. Syst. 2012, "
        "117, 56-60."
    ),
    "pybaselines": (
        "Erb, D. pybaselines: a Python library of algorithms for the baseline correction of experimental data. "
        "doi:10.5281/zenodo.5608581"
    ),
    "ramanspy": (
        "Georgiev, D.; Pedersen, S. V.; Xie, R.; Fernández-Galiana, Á.; Stevens, M. M.; Barahona, M. RamanSPy: an "
        "open-source Python package for integrative Raman spectroscopy data analysis. Anal. Chem. 2024, 96, "
        "8492-8500. doi:10.1021/acs.analchem.4c00383"
    ),
}
