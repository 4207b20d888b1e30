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
    "Dai2018": (
        "Dai, L. et al. An automated baseline correction method based on iterative morphological operations. Appl. "
        "Spectrosc. 2018, 72, 731-739."
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
    "Han2018": (
        "Han, Q. et al. Iterative reweighted quantile regression using augmented Lagrangian optimization for "
        "baseline correction. 5th International Conference on Information Science and Control Engineering 2018, "
        "280-284."
    ),
    "He2014": (
        "He, S. et al. Baseline correction for Raman spectra using an improved asymmetric least squares method. "
        "Anal. Methods 2014, 6, 4402-4407. doi:10.1039/C4AY00068D"
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
